/**
 * Slow checks of many files, for continuous integration: each machine takes a part, and none checks what was checked before.
 *
 *   node docs/examples/ci.js folder [--shard 1/2]
 *
 * ci.yml beside this runs it on two machines and puts together what they found out.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { file, files, MemoizedGroup } from 'permafrost'

const MOST = 110

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { shard: { type: 'string', default: '1/1' } },
})
const [part, parts] = values.shard.split('/').map(Number)
const group = new MemoizedGroup()

/** Stands for minutes of compiling and running. What it finds is a value, so it is kept, and told again in each run. */
const check = group.memoize(function check(source) {
  console.log(`checking ${source.path}`)
  const lines = readFileSync(source.path, 'utf8').split('\n')
  return lines.flatMap((line, i) => (line.length > MOST ? [`${source.path}:${i + 1} is too long`] : []))
})

const mine = files(positionals[0] ?? 'src').paths.filter((_, i) => i % parts === part - 1)
const findings = mine.flatMap((path) => check(file(path)))
for (const finding of findings) console.log(finding)
console.log(`${mine.length} files, ${findings.length} findings`)
process.exitCode = findings.length > 0 ? 1 : 0
