/** `node one-call.js rival directory`: the process that `cold.js` times. It prints what the call gave. */
const [, , rival, directory] = process.argv
const { open } = await import(`../rivals/${rival}.js`)

const square = (x) => x * x + Math.random()

const cache = await open(directory)
const call = await cache.memoize(square)
console.log(await call(4))
await cache.close()
process.exitCode = 0
