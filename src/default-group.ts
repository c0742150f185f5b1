/**
 * The group of functions that name none: one for a process, opened at the first use by what the program, the environment
 * and the configuration file say.
 */
import { checkCompression } from './codec/codec.ts'
import { ConfigurationError, messageOf } from './errors.ts'
import { MemoizedGroup } from './group.ts'
import { type GroupOptions, groupChecks } from './group-options.ts'
import { checkOptions } from './options.ts'
import { defaultGroupOptions } from './settings.ts'

let opened: MemoizedGroup | undefined
let configured: GroupOptions = {}
let obstacle: ConfigurationError | undefined

/**
 * Options of the default group, the one of functions that name none: for a program to give before the first of their calls,
 * whichever functions are memoized already. They are stronger than the environment and the configuration file. A later call replaces
 * all options of an earlier one. Throws a `TypeError` for a wrong option, and an `Error` once the group is open.
 */
export function configure(options: GroupOptions): void {
  checkOptions(options, groupChecks, 'configure')
  checkCompression(options.compress ?? false, 'configure')
  if (opened !== undefined) {
    throw new Error(
      `configure: the default group is open since the first call, in ${opened.directory}; configure it before`,
    )
  }
  configured = options
}

/** Opens at the first call of a function, which what is wrong with the directory, the environment or the file must not break. */
class DefaultGroup extends MemoizedGroup {
  protected override get survivesMisuse(): boolean {
    return true
  }

  protected override get obstacle(): ConfigurationError | undefined {
    return obstacle
  }
}

/** The group of functions that name none; opened at the first use. */
export function defaultGroup(): MemoizedGroup {
  opened ??= new DefaultGroup(settled())
  return opened
}

function settled(): GroupOptions {
  try {
    return defaultGroupOptions(configured)
  } catch (error) {
    obstacle = new ConfigurationError(messageOf(error), { cause: error })
    const { blobStore, ...rest } = configured
    return rest
  }
}
