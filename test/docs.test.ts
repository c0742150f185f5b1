/**
 * Every TypeScript block of the README and the tutorial runs, in a project of its own, and prints what it says:
 * `// → a → b` after a line means that the line prints `a`, then `b`.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import ts from 'typescript'
import { project, root } from './support/project.js'

const compile = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  }).outputText

for (const document of [
  'README.md',
  'docs/blob.md',
  'docs/shared.md',
  'docs/tutorial.md',
  'docs/soundness.md',
  'docs/extending.md',
]) {
  if (!existsSync(join(root, document))) continue
  const text = readFileSync(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  if (blocks.length === 0) continue
  describe(document, () => {
    for (const block of blocks) {
      const source = block[1]!
      const line = text.slice(0, block.index).split('\n').length + 1
      test(`the block at line ${line} prints what it says`, (t) => {
        const expected = [...source.matchAll(/\/\/ → (.*)$/gm)].flatMap((match) => match[1]!.split(' → '))
        const user = project(t, { 'package.json': '{ "type": "module" }', 'block.js': compile(source) })
        const first = user.run('block.js')
        assert.equal(first.status, 0, first.stderr)
        assert.equal(first.stderr, '')
        assert.deepEqual(first.printed, expected)
      })
    }
  })
}
