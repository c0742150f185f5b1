import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { type Node as AcornNode, parse, type Token } from 'acorn'
import fc from 'fast-check'
import { sourceOf } from '#src/freeze/source.js'
import { eachChild, isClass, isFunction, type Node, typeOf } from '#src/freeze/tree.js'

/** Real code: minified and not, ESM and CommonJS, classes, generators, sloppy functions. */
const FILES = [
  'acorn/dist/acorn.js',
  'commander/lib/command.js',
  'commander/lib/help.js',
  'cbor-x/encode.js',
  'cbor-x/decode.js',
  'debug/src/common.js',
  'fast-check/lib/fast-check.js',
  'eslint-scope/lib/scope.js',
  'eslint-scope/dist/eslint-scope.cjs',
  'tinybench/dist/index.js',
  'pretty-bytes/index.js',
]

interface Sample {
  readonly file: string
  readonly text: string
  readonly node: Node
  /** Within the text. */
  readonly tokens: readonly { readonly start: number; readonly end: number; readonly template: boolean }[]
}

const require = createRequire(import.meta.url)
const root = require.resolve('acorn/package.json').replace(/acorn.package\.json$/, '')

const samples: readonly Sample[] = FILES.flatMap((file) => {
  const source = readFileSync(root + file, 'utf8')
  const tokens: Token[] = []
  const options = { ecmaVersion: 'latest', onToken: tokens, allowHashBang: true, ranges: true } as const
  let program: AcornNode
  try {
    program = parse(source, { ...options, sourceType: 'module' })
  } catch {
    tokens.length = 0
    program = parse(source, { ...options, sourceType: 'script', allowReturnOutsideFunction: true })
  }
  return functionsIn(program as unknown as Node).map((node) => ({
    file,
    [fc.toStringMethod]: () => source.slice(node.start, node.end),
    text: source.slice(node.start, node.end),
    node,
    get tokens() {
      return tokens
        .filter((token) => token.start >= node.start && token.end <= node.end)
        .map(({ start, end, type }) => ({
          start: start - node.start,
          end: end - node.start,
          template: type.label === 'template',
        }))
    },
  }))
})

/** All functions but those of a kind whose text toString() would not give: constructors and static members. */
function functionsIn(program: Node): Node[] {
  const found: Node[] = []
  const stack: { node: Node; value: boolean }[] = [{ node: program, value: false }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, value } = top
    const member =
      node.type === 'MethodDefinition' || (node.type === 'Property' && (node.method || node.kind !== 'init'))
    if (
      member
        ? !node.static && node.kind !== 'constructor' && node.value.type === 'FunctionExpression'
        : !value && (isFunction(node) || isClass(node))
    ) {
      found.push(node)
    }
    eachChild(node, (child, field) => stack.push({ node: child, value: member && field === 'value' }))
  }
  return found
}

const small = samples.filter(({ text }) => text.length < 3000)
const sample = fc.nat({ max: small.length - 1 }).map((index) => small[index] as Sample)
const hex = (text: string): string => Buffer.from(sourceOf(text).syntax).toString('hex')

test('the functions of real packages can all be read', () => {
  assert.ok(samples.length > 500, `only ${samples.length} functions`)
  for (const { text, file } of samples)
    assert.doesNotThrow(() => sourceOf(text), `${file}: ${text.slice(0, 200)}`)
})

test('blanks and comments between any two tokens change no fact but places', () => {
  const filler = fc.constantFrom(' ', '  ', '\t', '/**/', ' /* a * b */ ', '/*;*/', '')
  fc.assert(
    fc.property(sample, fc.infiniteStream(filler), ({ text, tokens }, fillers) => {
      let edited = ''
      tokens.forEach((token, index) => {
        const next = tokens[index + 1]
        edited += text.slice(token.start, token.end)
        if (next === undefined) return
        edited += text.slice(token.end, next.start)
        // inside a template everything counts
        if (!token.template && !next.template) edited += fillers.next().value
      })
      const { dynamic: _, mentions, ...facts } = sourceOf(text)
      const { dynamic: __, mentions: mentionsAfter, ...after } = sourceOf(edited)
      assert.deepEqual(after, facts)
      const placeless = (list: typeof mentions) => list.map((mention) => ({ ...mention, at: 0 }))
      assert.deepEqual(placeless(mentionsAfter), placeless(mentions))
    }),
    { numRuns: 400 },
  )
})

test('parentheses around any literal or operation change nothing', () => {
  fc.assert(
    fc.property(sample, fc.infiniteStream(fc.boolean()), ({ text, node }, choices) => {
      const spots = within(node).filter(
        ({ node: one, parent }) => mayBeParenthesised(one, parent) && choices.next().value,
      )
      let edited = text
      for (const { node: one } of spots.sort(
        (a, b) => b.node.start - a.node.start || a.node.end - b.node.end,
      )) {
        const [start, end] = [one.start - node.start, one.end - node.start]
        // nested spots would move each other's ends
        if (
          spots.some(
            (other) => other.node !== one && other.node.start >= one.start && other.node.end <= one.end,
          )
        )
          continue
        edited = `${edited.slice(0, start)}(${edited.slice(start, end)})${edited.slice(end)}`
      }
      assert.equal(hex(edited), hex(text))
    }),
    { numRuns: 300 },
  )
})

function mayBeParenthesised(node: Node, parent: Node): boolean {
  if (/^Import|^Export/.test(parent.type) || parent.type === 'ExpressionStatement') return false
  if (node.type === 'Literal') return !('key' in parent && parent.key === node && !parent.computed)
  return node.type === 'BinaryExpression' || node.type === 'ConditionalExpression'
}

/** All nodes below, with their parents. */
function within(root: Node): { node: Node; parent: Node }[] {
  const found: { node: Node; parent: Node }[] = []
  const stack = [root]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    eachChild(node, (child) => {
      found.push({ node: child, parent: node as Node })
      stack.push(child)
    })
  }
  return found
}

test('a change of one operator, literal, member name or variable changes the bytes', () => {
  let tried = 0
  let read = 0
  fc.assert(
    fc.property(sample, fc.nat(), ({ text, node, file }, choice) => {
      const mutations = within(node).flatMap(({ node: one, parent }) => mutate(one, parent, text, node.start))
      if (mutations.length === 0) return
      const { start, end, replacement } = mutations[choice % mutations.length] as Mutation
      const mutated = text.slice(0, start) + replacement + text.slice(end)
      tried++
      let after: string
      try {
        after = hex(mutated)
      } catch {
        return // no longer a function: a miss by itself
      }
      read++
      assert.notEqual(after, hex(text), `${file}: ${text.slice(start, end)} -> ${replacement}`)
    }),
    { numRuns: 3000 },
  )
  assert.ok(read > 0.9 * tried, `${read} of ${tried} mutants could be read`)
})

interface Mutation {
  readonly start: number
  readonly end: number
  readonly replacement: string
}

const OPERATORS: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '**': '*',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '==': '!=',
  '!=': '==',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '??': '||',
  '&': '|',
  '|': '^',
  '^': '&',
  '<<': '>>',
  '>>': '>>>',
  '>>>': '<<',
  in: 'instanceof',
  instanceof: 'in',
  '=': '+=',
  '+=': '-=',
  '-=': '+=',
  '|=': '&=',
  '&=': '|=',
  '||=': '??=',
  '??=': '&&=',
  '++': '--',
  '--': '++',
  '!': '~',
  '~': '!',
  typeof: 'void',
  void: 'typeof',
  delete: 'void',
}

function mutate(node: Node, parent: Node, text: string, offset: number): Mutation[] {
  const start = node.start - offset
  const end = node.end - offset
  const whole = (replacement: string): Mutation[] => [{ start, end, replacement }]
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
    case 'UnaryExpression':
    case 'UpdateExpression': {
      const replacement = OPERATORS[node.operator as string]
      if (replacement === undefined) return []
      const from =
        node.type === 'UnaryExpression' || node.prefix ? start : (node.left ?? node.argument).end - offset
      const at = text.indexOf(node.operator, from)
      return [{ start: at, end: at + node.operator.length, replacement }]
    }
    case 'Literal':
      if (node.regex) return whole(`/(?:${node.regex.pattern})/${node.regex.flags}`)
      if (typeof node.value === 'string')
        return node.directive || parent.directive ? [] : whole(JSON.stringify(`${node.value} `))
      if (typeof node.value === 'number') return whole(String(node.value * 2 + 1))
      return whole(node.value === null ? 'undefined' : String(!node.value))
    case 'TemplateElement':
      return [{ start: end, end, replacement: ' ' }]
    case 'Identifier':
      return whole(`${node.name}_`)
    case 'PrivateIdentifier':
      return whole(`#${node.name}_`)
    case 'ThisExpression':
      return whole('undefined')
    default:
      return []
  }
}

test('two functions with the same bytes have the same tokens', () => {
  const seen = new Map<string, Sample>()
  let equal = 0
  for (const one of samples) {
    const other = seen.get(hex(one.text))
    if (other === undefined) seen.set(hex(one.text), one)
    else {
      equal++
      const spelled = ({ text, tokens }: Sample): string[] =>
        tokens.map(({ start, end }) => text.slice(start, end)).filter((token) => !/^[(),;]$/.test(token))
      assert.deepEqual(spelled(one), spelled(other))
    }
  }
  assert.ok(equal > 0)
})

test('every field the parser gives is written or follows from others', () => {
  const derived = new Set([
    ...['type', 'start', 'end', 'range', 'raw', 'tail', 'directive'],
    ...[
      'Literal.value',
      'Literal.regex',
      'Literal.bigint',
      'TemplateElement.value',
      'UnaryExpression.prefix',
    ],
    ...['FunctionExpression', 'FunctionDeclaration', 'ArrowFunctionExpression'].map(
      (type) => `${type}.expression`,
    ),
    ...['ArrowFunctionExpression.id', 'ArrowFunctionExpression.generator'],
  ])
  for (const { node } of samples) {
    for (const { node: one } of within(node)) {
      for (const key of Object.keys(one)) {
        if (derived.has(key) || derived.has(`${one.type}.${key}`)) continue
        assert.ok(typeOf(one).fields.includes(key), `${one.type}.${key}`)
      }
    }
  }
})
