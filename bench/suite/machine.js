/** Where and when it was measured. */

import { statfsSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

/** Numbers that `statfs` gives for file systems, of those one meets. */
const FILE_SYSTEMS = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  26: 'apfs',
  801189825: 'zfs',
}

export function machine(directory) {
  const all = cpus()
  const { type } = statfsSync(directory)
  return {
    date: new Date().toISOString(),
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    load: Number(loadavg()[0].toFixed(1)),
  }
}

export const sentence = ({ cores, cpu, date, fileSystem, load, memory, node, platform }) =>
  `${date.slice(0, 10)}, ${cores} cores (${cpu}), ${memory}, ${platform}, ${fileSystem}, Node ${node}, load average ${load} at the start`
