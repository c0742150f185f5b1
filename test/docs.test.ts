/**
 * Every TypeScript block of the README and the tutorial runs, in a project of its own, and prints what it says:
 * `// → a → b` after a line means that the line prints `a`, then `b`. A block that begins with the name of a configuration file
 * is that file to the blocks after it.
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
  'docs/configuration.md',
  'docs/tutorial.md',
  'docs/soundness.md',
  'docs/extending.md',
]) {
  if (!existsSync(join(root, document))) continue
  const text = readFileSync(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  if (blocks.length === 0) continue
  describe(document, () => {
    const files: Record<string, string> = {}
    for (const block of blocks) {
      const source = block[1]!
      const line = text.slice(0, block.index).split('\n').length + 1
      test(`the block at line ${line} prints what it says`, (t) => {
        const expected = [...source.matchAll(/\/\/ → (.*)$/gm)].flatMap((match) => match[1]!.split(' → '))
        const name = /^\/\/ (permafrost\.config)\.ts\n/.exec(source)?.[1] ?? 'block'
        const user = project(t, {
          'package.json': '{ "type": "module" }',
          ...files,
          [`${name}.js`]: compile(source),
        })
        // which is stronger than the file
        const isConfigured = Object.keys(files).length > 0
        if (name !== 'block') files[`${name}.js`] = compile(source)
        const first = user.run(`${name}.js`, isConfigured ? { env: { PERMAFROST_DIR: '' } } : {})
        assert.equal(first.status, 0, first.stderr)
        assert.equal(first.stderr, '')
        assert.deepEqual(first.printed, expected)
      })
    }
  })
}
