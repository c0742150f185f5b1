/**
 * What commands do their work with. Loaded when the first of them begins, not before: `--help` and completion need none of
 * it, and `doctor` must work where something native in it is broken.
 */
export { digestBytes } from '../freeze/digest.ts'
export { digest, usesOf } from '../freeze/freeze.ts'
export { canInspect } from '../freeze/inspect.ts'
export { defaultDirectory, factsOf, MemoizedGroup } from '../group.ts'
