import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { type Node as AcornNode, parse } from 'acorn'
import { analyze } from 'eslint-scope'
import fc from 'fast-check'
import { scriptFacts } from '#src/freeze/script.js'
import { sourceOf } from '#src/freeze/source.js'

const require = createRequire(import.meta.url)

/** The names this engine looks up outside while it evaluates and calls the function, however it comes out. */
function lookedUp(text: string, kind: string): Set<string> {
  const names = new Set<string>()
  const anything: unknown = new Proxy(() => {}, {
    get: (_target, key) => {
      if (key === Symbol.toPrimitive) return () => 1
      if (key === Symbol.iterator) return () => [anything, anything][Symbol.iterator]()
      return key === 'prototype' ? {} : anything
    },
    apply: () => anything,
    construct: () => anything as object,
  })
  const scope = new Proxy({} as Record<string, unknown>, {
    has: (_target, key) => {
      if (typeof key === 'string') names.add(key)
      return true
    },
    get: (_target, key) => (key === Symbol.unscopables ? undefined : anything),
    set: () => true,
    deleteProperty: () => true,
  })
  const wrapped =
    kind === 'method'
      ? `Object.values(Object.getOwnPropertyDescriptors({${text}})).map(d => d.get ?? d.set ?? d.value)[0]`
      : `(${text})`
  // Object must be looked up before the scope is in force
  const make = new Function(
    'scope',
    `const { Object: own } = globalThis; with (scope) { return ${wrapped.replaceAll('Object.', 'own.')} }`,
  )
  try {
    const made = make(scope)
    names.delete('own')
    if (typeof made !== 'function') return names
    try {
      const result = made.call({}, {}, [1, 2], 3)
      if (typeof result === 'function') result({}, [1], 2)
      else if (typeof result?.next === 'function') result.next()
    } catch {}
    try {
      new made({}, [1, 2], 3)
    } catch {}
  } catch {}
  names.delete('own')
  return names
}

/** Small programs put together at random: what they declare, shadow and use is up to chance. */
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const { statement } = fc.letrec<{ expression: string; pattern: string; statement: string }>((tie) => {
  const expression = tie('expression')
  const pattern = tie('pattern')
  const statement = tie('statement')
  const join = (strings: TemplateStringsArray, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
    fc.tuple(...parts).map((values) => String.raw({ raw: strings }, ...values))
  return {
    expression: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      name,
      fc.constantFrom('1', "'s'", 'this', 'null'),
      join`(${expression} + ${expression})`,
      join`${name}.${name}`,
      join`${name}?.[${expression}]`,
      join`${name}(${expression})`,
      join`{ ${name}: ${expression}, [${expression}]: ${expression} }`.map((object) => `(${object})`),
      join`[${expression}, ...[${expression}]]`,
      join`(${name} = ${expression})`,
      join`(${name} += ${expression})`,
      join`([${name}] = [${expression}])`,
      join`({ ${name}, ${name}: ${name} = ${expression} } = {})`,
      join`typeof ${name}`,
      join`\`x\${${expression}}\``,
      join`(${expression} ? ${expression} : ${expression})`,
      join`((${pattern}) => ${expression})([1], 2)`,
      join`((${pattern}) => { ${statement} })([1], 2)`,
      join`(function ${name}(${pattern}) { ${statement} ${statement} })([1], 2)`,
      join`(function (x = ${expression}) { ${statement} })()`,
      join`new (class ${name} { ${name} = ${expression}; [${expression}]() {} static { ${statement} } constructor() { ${statement} } })()`,
      join`(class extends (${expression}, Array) { static ${name} = ${expression} })`,
    ),
    pattern: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      name,
      join`{ ${name} }`,
      join`{ ${name}: ${pattern} = ${expression} }`,
      join`[${pattern}]`,
      join`{ [${expression}]: ${name} = ${expression} }`,
      join`[${name} = ${expression}, ...x]`,
    ),
    statement: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      join`${expression};`,
      join`var ${pattern} = [${expression}];`,
      join`let ${name} = ${expression};`,
      join`const ${pattern} = [${expression}];`,
      join`{ ${statement} ${statement} }`,
      join`if (${expression}) { ${statement} }`,
      join`for (var ${name} of [1]) { ${statement} }`,
      join`for (let ${pattern} of [[${expression}]]) { ${statement} }`,
      join`for (${name} in { k: 1 }) { ${statement} }`,
      join`try { ${statement} throw [1] } catch (${pattern}) { ${statement} }`,
      join`try { ${statement} } catch { ${statement} } finally { ${statement} }`,
      join`function ${name}(${pattern}) { ${statement} }`,
      join`class ${name} { static x = ${expression} }`,
      join`switch (1) { case ${expression}: ${statement} default: let ${name} = ${expression} }`,
      join`return ${expression};`,
      join`{ function ${name}() { ${statement} } }`,
    ),
  }
})

test('every name the engine looks up outside of a function is among its free variables', () => {
  let checked = 0
  let found = 0
  fc.assert(
    fc.property(
      fc.array(statement, { minLength: 1, maxLength: 6 }),
      fc.constantFrom('f', 'arrow', 'method'),
      (statements, form) => {
        const code = statements.join(' ')
        const text =
          form === 'f'
            ? `function a(b, c = d) { ${code} }`
            : form === 'arrow'
              ? `(b, c = d) => { ${code} }`
              : `m(b, c = d) { ${code} }`
        let source: ReturnType<typeof sourceOf>
        try {
          new Function(form === 'method' ? `({${text}})` : `(${text})`)
          source = sourceOf(text)
        } catch (error) {
          assert.ok(error instanceof SyntaxError)
          return
        }
        const free = new Set(source.free.map((variable) => variable.name))
        const used = lookedUp(text, source.kind)
        checked++
        found += used.size
        for (const one of used) assert.ok(free.has(one), `${one} in ${text}`)
      },
    ),
    { numRuns: 1500 },
  )
  assert.ok(checked > 200 && found > checked / 2, `${checked} checked, ${found} names`)
})

test('a function alone has the free variables it has in its file', () => {
  const files = ['acorn/dist/acorn.js', 'commander/lib/command.js', 'cbor-x/encode.js', 'debug/src/common.js']
  let checked = 0
  for (const file of files) {
    const source = readFileSync(
      require.resolve('acorn/package.json').replace(/acorn.package\.json$/, '') + file,
      'utf8',
    )
    const sourceType = /^(import|export) /m.test(source) ? 'module' : 'script'
    const program: AcornNode = parse(source, { ecmaVersion: 'latest', sourceType, ranges: true })
    for (const scope of analyze(program as never, { ecmaVersion: 2022, sourceType, ignoreEval: true })
      .scopes) {
      if (scope.type !== 'function' || scope.block.type === 'Program') continue
      const block = scope.block as unknown as { start: number; end: number; id?: { name: string } | null }
      // those of methods and accessors begin with the parameter list, which is not their whole text
      const text = source.slice(block.start, block.end)
      if (text.startsWith('(') && !text.includes('=>')) continue
      let facts: ReturnType<typeof sourceOf>
      try {
        facts = sourceOf(text)
      } catch {
        continue
      }
      const expected = new Set(scope.through.map(({ identifier }) => identifier.name as string))
      const free = new Set(facts.free.map((variable) => variable.name))
      for (const one of expected) assert.ok(free.has(one), `${one} in ${text}`)
      // more than that only its own name, which the file knows to be its own
      for (const one of free) assert.ok(expected.has(one) || one === block.id?.name, `${one} in ${text}`)
      checked++
    }
  }
  assert.ok(checked > 300, `${checked} functions`)
})

test('what the scope analyser sees written again is reassigned', () => {
  const files = [
    'acorn/dist/acorn.js',
    'commander/lib/command.js',
    'cbor-x/encode.js',
    'cbor-x/decode.js',
    'debug/src/common.js',
  ]
  let again = 0
  let once = 0
  for (const file of files) {
    const source = readFileSync(
      require.resolve('acorn/package.json').replace(/acorn.package\.json$/, '') + file,
      'utf8',
    )
    const sourceType = /^(import|export) /m.test(source) ? 'module' : 'script'
    const program = parse(source, { ecmaVersion: 'latest', sourceType, ranges: true })
    const facts = scriptFacts(source)
    const { scopes } = analyze(program as never, { ecmaVersion: 2022, sourceType, ignoreEval: true })
    for (const { name, references } of scopes.flatMap((scope) => scope.variables)) {
      if (references.some((reference) => reference.isWrite() && !reference.init)) {
        again++
        assert.ok(facts.isReassigned(name), `${name} in ${file}`)
      } else if (!facts.isReassigned(name)) once++
    }
  }
  assert.ok(again > 100 && once > 100, `${again} written again, ${once} not`)
})
