/**
 * What makes a function depend on more than its code and its arguments: the clock, randomness, the environment, files,
 * the network, other processes. A vocabulary of names (`Date.now`, `fs.readFileSync`); who uses them is found elsewhere.
 */

/** Names in dotted form, module names without `node:`, `fs/promises` as `fs.promises`. What follows a match is a member of it. */
const IMPURE: readonly RegExp[] = [
  /^(?:Date\.now|Math\.random|performance\.(?:now|timeOrigin)|fetch|WebSocket|EventSource)(?=\.|$)/,
  /^crypto\.(?:(?:webcrypto|subtle)\.)*(?:getRandomValues|generateKey\w*|generatePrime\w*|random\w+|pseudoRandomBytes|prng|rng)(?=\.|$)/,
  /^process\.env$/,
  /^process\.(?:hrtime(?:\.bigint)?|pid|ppid|memoryUsage|uptime|cpuUsage|resourceUsage|availableMemory|constrainedMemory|stdin)(?=\.|$)/,
  /^os\.(?!EOL\b|constants\b|devNull\b)\w+/,
  /^child_process\.\w+/,
  /^(?:http|https|http2|net|dgram|tls)\.(?:request|get|connect|createConnection|createServer|createSecureServer|createSocket|Server|Socket|TLSSocket|ClientRequest)(?=\.|$)/,
  /^dns\.(?:promises\.)?(?:lookup|lookupService|resolve\w*|reverse|Resolver)(?=\.|$)/,
  /^fs\.(?:promises\.)?(?!constants\b|promises\b|Stats\b|Dirent\b)\w+/,
]

/** Modules all of whose use is one of these. */
const WHOLE = /^(?:child_process|http|https|http2|net|dgram|dns|dns\.promises|tls|fs|fs\.promises)$/

/** What of these a dotted name stands for, or undefined if it is harmless: `fs.readFileSync` of `fs.readFileSync.call`. */
export function impureName(dotted: string): string | undefined {
  if (WHOLE.test(dotted)) return dotted
  for (const pattern of IMPURE) {
    const found = pattern.exec(dotted)
    if (found !== null) return found[0]
  }
  return undefined
}

/** `fs.promises` for `node:fs/promises`, `performance` for what `node:perf_hooks` exports under that name. */
export function dottedName(module: string, path: readonly string[]): string {
  const dotted = [module.replace(/^node:/, '').replaceAll('/', '.'), ...path].join('.')
  return dotted.replace(/^perf_hooks\.(?=performance\b)/, '')
}

/** Names for the `allow` option; those of modules begin the names of their members. */
const ROOTS: readonly string[] = [
  ...['Date', 'Date.now', 'Date()', 'new Date()', 'Math', 'Math.random', 'fetch', 'WebSocket', 'EventSource'],
  ...['performance', 'performance.now', 'performance.timeOrigin', 'process', 'process.env', 'process.hrtime'],
  ...['process.pid', 'process.ppid', 'process.memoryUsage', 'process.uptime', 'process.cpuUsage'],
  ...['process.resourceUsage', 'process.availableMemory', 'process.constrainedMemory', 'process.stdin'],
  ...['crypto', 'crypto.webcrypto', 'os', 'child_process', 'http', 'https', 'http2', 'net', 'dgram', 'tls'],
  ...['dns', 'dns.promises', 'fs', 'fs.promises'],
]

/** The nearest names to choose from for one that is not known; undefined for one that is. */
export function unknownName(name: string): readonly string[] | undefined {
  if (ROOTS.includes(name)) return undefined
  const [root = ''] = name.split('.')
  if (!/^(?:crypto|os|child_process|https?|http2|net|dgram|dns|tls|fs)$/.test(root)) {
    // a single variable of the environment
    return /^process\.env\.\w+$/.test(name) ? undefined : ROOTS
  }
  const names = membersOf(root)
  return names.includes(name) ? undefined : [...names, ...ROOTS]
}

/** All names below that of a module. */
function membersOf(root: string): readonly string[] {
  const exported = process.getBuiltinModule(root) as unknown as Record<string, unknown>
  const below = Object.keys(exported).flatMap((name) => {
    const isGroup = name === 'promises' || name === 'webcrypto'
    return [name, ...(isGroup ? memberNames(exported[name]).map((member) => `${name}.${member}`) : [])]
  })
  return below.map((name) => `${root}.${name}`).filter((name) => impureName(name) === name)
}

function memberNames(holder: unknown): readonly string[] {
  const names: string[] = []
  for (let at = holder; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as unknown) {
    names.push(...Object.getOwnPropertyNames(at))
  }
  return names
}

/** Whether one of the names allows that use: its own, or one that it begins with (`fs` allows `fs.readFileSync`). */
export function isAllowed(allowed: readonly string[], what: string): boolean {
  const bare = what.replace(/^new |\(\)$/g, '')
  return allowed.some((name) => name === what || name === bare || bare.startsWith(`${name}.`))
}
