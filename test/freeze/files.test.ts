import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { digest, FreezeError, file, files, type InputFiles, inputVersion } from 'permafrost'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'

/** A folder with these files; the names of folders end in a slash. */
function folderOf(t: TestContext, names: readonly string[]): string {
  const folder = temporaryFolder(t)
  for (const name of names) {
    const path = join(folder, name)
    mkdirSync(name.endsWith('/') ? path : join(path, '..'), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(path, name)
  }
  return folder
}

/** So that times are old enough to be believed. */
const age = (path: string): void => utimesSync(path, new Date(1e12), new Date(1e12))
const isRoot = process.getuid?.() === 0

describe('file()', () => {
  test('takes a path or a URL, and names the files beside it', () => {
    const path = join(import.meta.dirname, 'a.csv')
    const url = pathToFileURL(path)
    for (const given of [path, url, url.href]) assert.equal(file(given).path, path)
    assert.equal(file('in/a.csv').withPrefix('old-').path, join('in', 'old-a.csv'))
    assert.equal(file('a.csv').withPrefix('old-').withSuffix('.out').path, 'old-a.csv.out')
    assert.equal(`${file('in/a.csv')}`, 'in/a.csv')
    for (const wrong of ['', 1, undefined, {}, new URL('https://a/b')])
      assert.throws(() => file(wrong as never), TypeError)
  })

  test('the version is the digest of the content, of any length and by any name', (t) => {
    const folder = temporaryFolder(t)
    const long = Buffer.alloc(2.5 * 2 ** 20, 'long ')
    writeFileSync(join(folder, 'a'), long)
    writeFileSync(join(folder, 'b'), long)
    const version = (name: string) => file(join(folder, name))[inputVersion]()
    assert.equal(version('a'), version('b'))
    long[long.length - 1]! ^= 1
    writeFileSync(join(folder, 'b'), long)
    assert.notEqual(version('a'), version('b'))
    writeFileSync(join(folder, 'empty'), '')
    assert.match(version('empty'), /^[0-9a-f]{32}$/)
    assert.equal(version('none'), 'absent')
    assert.equal(version('a/none'), 'absent')
  })

  test('a link counts by what it leads to', (t) => {
    const folder = folderOf(t, ['a', 'b'])
    const link = join(folder, 'link')
    const version = () => file(link)[inputVersion]()
    symlinkSync('a', link)
    assert.equal(version(), file(join(folder, 'a'))[inputVersion]())
    rmSync(link)
    symlinkSync('b', link)
    assert.equal(version(), file(join(folder, 'b'))[inputVersion]())
    rmSync(join(folder, 'b'))
    assert.equal(version(), 'absent')
  })

  test('an edit that leaves size and modification time is seen', (t) => {
    const path = join(folderOf(t, ['a']), 'a')
    for (const content of 'abcdefgh') {
      writeFileSync(path, content)
      age(path)
      const before = file(path)[inputVersion]()
      writeFileSync(path, content.toUpperCase())
      age(path)
      assert.notEqual(file(path)[inputVersion](), before)
    }
  })

  test('what cannot be read ends the walk, and names the path', async (t) => {
    const folder = folderOf(t, ['a', 'sub/b'])
    const told = (path: string) => (error: unknown) =>
      error instanceof FreezeError && error.message.includes(path) && error.path === 'value.input'
    const refused = (path: string) => assert.throws(() => digest({ input: file(path) }), told(path))
    refused(folder)
    if (process.platform === 'win32') return
    refused('/dev/null')
    symlinkSync('loop', join(folder, 'loop'))
    refused(join(folder, 'loop'))
    // root may read everything
    if (isRoot) return
    await t.test('without permission', () => {
      chmodSync(join(folder, 'a'), 0)
      refused(join(folder, 'a'))
      chmodSync(join(folder, 'sub'), 0)
      assert.throws(() => digest({ input: files(folder) }), told(join(folder, 'sub')))
      chmodSync(join(folder, 'sub'), 0o700)
    })
  })

  test('files without a size, such as those of /proc, are read each time', {
    skip: process.platform !== 'linux',
  }, () => {
    const stat = file('/proc/self/stat')
    assert.match(stat[inputVersion](), /^[0-9a-f]{32}$/)
    const title = file('/proc/self/comm')
    const before = title[inputVersion]()
    writeFileSync('/proc/self/comm', 'another')
    assert.notEqual(title[inputVersion](), before)
  })
})

describe('files()', () => {
  test('patterns, directories and what is left out', (t) => {
    const folder = folderOf(t, ['a.csv', 'b.csv', 'c.txt', 'sub/d.csv', 'sub/.hidden', 'sub/empty/', '[x]/e'])
    const paths = (patterns: Parameters<typeof files>[0], ignore: string | string[] = []) =>
      files(patterns, { cwd: folder, ignore }).paths.map((path) => relative(folder, path))
    assert.deepEqual(paths('*.csv'), ['a.csv', 'b.csv'])
    assert.deepEqual(paths('**/*.csv'), ['a.csv', 'b.csv', join('sub', 'd.csv')])
    assert.deepEqual(paths('*.{csv,txt}', 'b*'), ['a.csv', 'c.txt'])
    assert.deepEqual(paths(['*.csv', '!b*', 'c.txt']), ['a.csv', 'c.txt'])
    assert.deepEqual(paths('sub'), [join('sub', '.hidden'), join('sub', 'd.csv')])
    assert.deepEqual(paths('sub/'), paths('sub'))
    assert.deepEqual(paths('sub', '**/.*'), [join('sub', 'd.csv')])
    assert.deepEqual(paths('[x]'), [join('[x]', 'e')])
    assert.deepEqual(paths('none'), [])
    assert.deepEqual(paths('none/*'), [])
    const whole = files(folder).paths
    assert.equal(whole.length, 6)
    assert.deepEqual(files(pathToFileURL(folder)).paths, whole)
    assert.deepEqual([...files('.', { cwd: pathToFileURL(folder) })].map(String), whole)
    assert.deepEqual(files(`${folder}/*.txt`).paths, [join(folder, 'c.txt')])
    for (const wrong of [[], '', 1, [''], ['a', 2]]) assert.throws(() => files(wrong as never), TypeError)
    assert.throws(() => files('a', { cdw: 'x' } as never), /no option "cdw"/)
    assert.throws(() => files('a', { ignore: [1] } as never), TypeError)
  })

  test('each change of the files, and no other, makes another version', (t) => {
    const folder = folderOf(t, ['a.csv', 'sub/b.csv', 'c.txt'])
    const seen = new Set<string>()
    const version = (set: InputFiles) => set[inputVersion]()
    const csv = files('**/*.csv', { cwd: folder })
    const all = files(folder)
    const [first] = [version(csv), version(all)]
    const changes = (act: () => void) => {
      const before = version(csv)
      act()
      assert.equal(seen.has(version(csv)), false)
      seen.add(before)
      assert.notEqual(version(csv), before)
    }
    changes(() => writeFileSync(join(folder, 'sub/new.csv'), ''))
    changes(() => appendFileSync(join(folder, 'sub/new.csv'), 'x'))
    changes(() => renameSync(join(folder, 'sub/new.csv'), join(folder, 'sub/newer.csv')))
    changes(() => renameSync(join(folder, 'sub'), join(folder, 'subs')))
    changes(() => rmSync(join(folder, 'a.csv')))
    renameSync(join(folder, 'subs'), join(folder, 'sub'))
    rmSync(join(folder, 'sub/newer.csv'))
    writeFileSync(join(folder, 'a.csv'), 'a.csv')
    const back = version(csv)
    assert.equal(back, first)
    writeFileSync(join(folder, 'c.txt'), 'changed')
    age(join(folder, 'a.csv'))
    assert.equal(version(csv), back)
    const whole = version(all)
    mkdirSync(join(folder, 'empty'))
    assert.notEqual(version(all), whole)
    rmSync(join(folder, 'empty'), { recursive: true })
    assert.equal(version(all), whole)
    symlinkSync('nowhere', join(folder, 'link'))
    assert.notEqual(version(all), whole)
    rmSync(join(folder, 'link'))
    symlinkSync('..', join(folder, 'sub', 'up'))
    assert.notEqual(version(all), whole)
  })

  test('equal names and contents elsewhere are the same call where "cwd" does not tell', (t) => {
    const [one, two] = [folderOf(t, ['a/x']), folderOf(t, ['a/x'])]
    const here = process.cwd()
    t.after(() => process.chdir(here))
    const versions = [one, two].map((folder) => {
      process.chdir(folder)
      return files('a')[inputVersion]()
    })
    assert.equal(versions[0], versions[1])
    assert.notEqual(digest(files('a')), digest(files('./a')))
    assert.notEqual(digest(files('a/x')), digest(file('a/x')))
    assert.notEqual(digest(files('a', { ignore: 'b' })), digest(files('a')))
  })

  test('why names the file that is new, gone or edited; the inner function of one set may have its files', (t) => {
    const folder = folderOf(t, ['a.csv', 'b.csv'])
    const { failures, group } = temporaryGroup(t)
    const read = group.memoize((path: ReturnType<typeof file>) => readFileSync(path.path, 'utf8'))
    const all = group.memoize((set: InputFiles, least: number) => {
      for (const end = performance.now() + least; performance.now() < end; );
      return [...set].map((one) => read(one)).join(' ')
    })
    const set = files('*.csv', { cwd: folder })
    const why = () => all.why(files('*.csv', { cwd: folder }), 2)
    assert.equal(all(set, 2), 'a.csv b.csv')
    assert.equal(all.wouldHit(set, 2), true)
    writeFileSync(join(folder, 'c.csv'), 'c')
    writeFileSync(join(folder, 'a.csv'), 'A')
    rmSync(join(folder, 'b.csv'))
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.csv`))
    assert.equal(why(), `inputs: the input files changed: ${a}, ${c} is new, ${b} is gone`)
    assert.equal(all(set, 2), 'A c')
    assert.match(why(), /^hit/)
    assert.deepEqual(failures, [])
  })

  test('a file that changes while it is looked at: the result is not kept', (t) => {
    const folder = folderOf(t, ['a'])
    const { failures, group } = temporaryGroup(t)
    const list = group.memoize((set: InputFiles) => {
      writeFileSync(join(folder, 'made by the call'), '')
      return set.paths.length
    })
    assert.equal(list(files(folder)), 2)
    assert.match(failures[0]!.message, /changed while it ran/)
    assert.equal(list(files(folder)), 2)
    assert.equal(list.wouldHit(files(folder)), true)
  })

  test('two thousand files', (t) => {
    const names = Array.from({ length: 2000 }, (_, index) => `${index % 20}/${index}`)
    const folder = folderOf(t, names)
    const { group } = temporaryGroup(t)
    const count = group.memoize((set: InputFiles) => set.paths.length)
    assert.equal(count(files(folder)), 2000)
    assert.equal(count.wouldHit(files(folder)), true)
    appendFileSync(join(folder, '7/1987'), 'x')
    assert.equal(count.wouldHit(files(folder)), false)
  })
})
