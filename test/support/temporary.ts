/** Fresh folders and groups that are gone when the test is done. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type GroupOptions, MemoizedGroup, type PermafrostError } from 'permafrost'

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A fresh folder with files, and the path of each. */
export function folderWith(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): { readonly folder: string; at(name: string): string } {
  const folder = temporaryFolder(t)
  const at = (name: string): string => join(folder, name)
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text)
  return { folder, at }
}

/** A group in a fresh directory that collects what it would warn of. */
export function temporaryGroup(
  t: TestContext,
  options: GroupOptions = {},
): {
  readonly group: MemoizedGroup
  readonly failures: PermafrostError[]
  reopen(more?: GroupOptions): MemoizedGroup
} {
  const failures: PermafrostError[] = []
  const all = {
    directory: join(temporaryFolder(t), 'cache'),
    onError: (error: PermafrostError) => void failures.push(error),
    ...options,
  }
  const group = new MemoizedGroup(all)
  const opened = [group]
  t.after(() => {
    for (const one of opened) one.close()
  })
  return {
    group,
    failures,
    reopen: (more = {}) => {
      const again = new MemoizedGroup({ ...all, ...more })
      opened.push(again)
      return again
    },
  }
}
