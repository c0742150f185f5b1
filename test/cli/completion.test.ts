/** The completion scripts say what the commands' own helps say. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../support/temporary.js'
import { environment, json, permafrost } from './command-line.js'

const commandsOf = (help: string): string[] =>
  [...help.split('\nCommands:\n')[1]!.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1]!)

const optionsOf = (help: string): string[] =>
  [...help.matchAll(/^ {2,}(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]!)

/** What bash offers for the last of these words. */
function offered(script: string, words: readonly string[], cwd: string): string[] {
  const line = words.map((word) => `'${word}'`).join(' ')
  const program = `${script}
    COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}
    _permafrost
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stderr, stdout } = spawnSync('bash', ['-c', program], { cwd, encoding: 'utf8', env: environment() })
  assert.equal(stderr, '')
  return stdout.split('\n').filter((word) => word !== '')
}

test('bash completes commands, their options, choices and files', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'cache'))
  writeFileSync(join(folder, 'results'), '')
  const script = permafrost('completion', 'bash').stdout
  const complete = (...words: string[]): string[] => offered(script, ['permafrost', ...words], folder)
  const help = permafrost('--help').stdout
  const commands = commandsOf(help)
  assert.ok(commands.length >= 18)
  assert.deepEqual(
    complete('').filter((word) => !word.startsWith('-')),
    commands,
  )
  assert.deepEqual(complete('e'), ['evict', 'export'])
  for (const command of commands) {
    const options = optionsOf(permafrost(command, '--help').stdout).filter((option) => option !== '--version')
    assert.deepEqual(complete(command, '--').sort(), options.sort(), command)
  }
  const family = commandsOf(permafrost('remote', '--help').stdout)
  assert.deepEqual(
    complete('remote', '').filter((word) => !word.startsWith('-')),
    family,
  )
  for (const command of family) {
    const options = optionsOf(permafrost('remote', command, '--help').stdout)
    const own = options.filter((option) => option !== '--version')
    assert.deepEqual(complete('remote', command, '--').sort(), own.sort(), command)
  }
  assert.deepEqual(complete('remote', '--json', 'ls', '--store', ''), [])
  assert.deepEqual(complete('ls', '--sort', ''), ['used', 'created', 'size', 'time', 'hits', 'name'])
  assert.deepEqual(complete('ls', '-s', 'c'), ['created'])
  assert.deepEqual(complete('completion', ''), [
    'bash',
    'zsh',
    'fish',
    '-h',
    '--help',
    '-d',
    '--directory',
    '--json',
  ])
  assert.deepEqual(complete('--directory', ''), ['cache'])
  assert.deepEqual(complete('-d', 'cache', 'ver'), ['verify'])
  assert.deepEqual(complete('ls', '-d', 'c'), ['cache'])
  assert.deepEqual(complete('ls', '--tag', ''), [])
  assert.deepEqual(complete('import', 're'), ['results'])
})

test('the scripts for zsh and fish name each command and each option', () => {
  const help = permafrost('--help').stdout
  for (const shell of ['zsh', 'fish'] as const) {
    const { script } = json(permafrost('completion', shell, '--json'))
    assert.equal(`${script}\n`, permafrost('completion', shell).stdout)
    const lines = (script as string).split('\n')
    for (const command of commandsOf(help)) {
      const own = lines.filter((line) =>
        shell === 'zsh'
          ? line.includes(` ${command}) `)
          : line.includes(`_from ${command}'`) || !line.includes('_from'),
      )
      const options = optionsOf(permafrost(command, '--help').stdout).filter(
        (option) => option !== '--version',
      )
      for (const option of options) {
        const written = shell === 'zsh' ? option : `-l ${option.slice(2)} `
        assert.ok(
          own.some((line) => line.includes(written)),
          `${shell}: ${command} ${option}`,
        )
      }
    }
  }
})

for (const [shell, check] of [
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const) {
  const has = spawnSync(shell, ['--version']).status === 0
  if (!has) continue
  test(`${shell} can read its script`, (t) => {
    const path = join(temporaryFolder(t), 'script')
    writeFileSync(path, permafrost('completion', shell).stdout)
    const { status, stderr } = spawnSync(shell, [...check, path], { encoding: 'utf8' })
    assert.deepEqual([status, stderr], [0, ''])
  })
}
