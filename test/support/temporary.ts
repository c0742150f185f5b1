/** Fresh folders and groups that are gone when the test is done. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type GroupOptions, MemoizedGroup, type PermafrostError } from 'permafrost'

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
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
