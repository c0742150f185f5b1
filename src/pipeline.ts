/**
 * Apart from which other results those of a function are kept: its pipeline, a name that people give to what belongs
 * together, and change to start over. Who says it, from the strongest: a handler for the function's name (of the program, then of the
 * configuration file), the outermost `withPipelineId` around the call, the function's option, PERMAFROST_PIPELINE_ID, the group's
 * option, and for the default group the configuration file.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { OptionCheck } from './options.ts'

export const DEFAULT_PIPELINE = 'default'

/** Characters of an id at most: with the rest of a place it must fit into the key of a blob. */
const LONGEST = 200

export const pipelineCheck: OptionCheck = {
  expects: `a pipeline id: 1 to ${LONGEST} characters, with "/" between its parts if it has any`,
  accepts: (value) =>
    typeof value === 'string' &&
    Buffer.byteLength(value) <= LONGEST &&
    value.split('/').every((part) => part !== ''),
}

const masks = new AsyncLocalStorage<string>()

/**
 * Runs `work` in which all calls belong to this pipeline, whatever they say themselves; inside another one it changes nothing: the
 * outermost counts. Returns what `work` returns. Throws a `TypeError` for what is no id.
 */
export function withPipelineId<T>(id: string, work: () => T): T {
  check('withPipelineId', id)
  return masks.getStore() === undefined ? masks.run(id, work) : work()
}

interface Handler {
  readonly functions: RegExp
  readonly pipelineId: string
}

const handlers: Handler[] = []
/** Asked after all others. */
const lastHandlers: Handler[] = []

/**
 * Functions whose names match belong to this pipeline; of several handlers the first. Returns what takes it back.
 * Throws a `TypeError` for what is no expression or no id.
 */
export function addPipelineHandler(functions: RegExp, pipelineId: string): Disposable {
  if (!(functions instanceof RegExp))
    throw new TypeError('addPipelineHandler: expected a regular expression over names of functions')
  check('addPipelineHandler', pipelineId)
  // one with a place to go on from would match every other time
  const handler = {
    functions: new RegExp(functions.source, functions.flags.replace(/[gy]/g, '')),
    pipelineId,
  }
  handlers.push(handler)
  return {
    [Symbol.dispose]: () => {
      const at = handlers.indexOf(handler)
      if (at >= 0) handlers.splice(at, 1)
    },
  }
}

/** As `addPipelineHandler`, for good, and asked after all that the program adds before or later. */
export function addLastPipelineHandler(functions: RegExp, pipelineId: string): void {
  lastHandlers.push({ functions, pipelineId })
}

function check(where: string, id: string): void {
  if (!pipelineCheck.accepts(id)) throw new TypeError(`${where}: expected ${pipelineCheck.expects}`)
}

const asked = process.env['PERMAFROST_PIPELINE_ID']
const inEnvironment = asked !== undefined && pipelineCheck.accepts(asked) ? asked : undefined

/** The pipeline of a call that is made here and now. */
export function pipelineOf(
  functionName: () => string,
  own: string | undefined,
  group: string | undefined,
): string {
  if (handlers.length > 0 || lastHandlers.length > 0) {
    const name = functionName()
    const fits = ({ functions }: Handler): boolean => functions.test(name)
    const handler = handlers.find(fits) ?? lastHandlers.find(fits)
    if (handler !== undefined) return handler.pipelineId
  }
  return masks.getStore() ?? own ?? inEnvironment ?? group ?? DEFAULT_PIPELINE
}
