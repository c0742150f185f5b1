/**
 * `completion`: scripts by which a shell completes commands, options and their choices. They are made from the commands
 * themselves, so they cannot tell anything else.
 */
import { Argument, type Command, type Option } from 'commander'
import { answer, command } from './common.ts'

type Shell = 'bash' | 'zsh' | 'fish'

export function addCompletion(program: Command): void {
  command(
    program,
    'completion',
    'print a script by which a shell completes this command line',
    'completion bash >> ~/.bashrc',
  )
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell, _: object, of: Command) => {
      const script = SCRIPTS[shell](program)
      answer(of, { shell, script }, () => script)
    })
}

/** What every command takes beside its own options. */
const shared = (program: Command): readonly Option[] =>
  visible(program).filter(({ long }) => long !== '--version' && long !== '--help')
const visible = (of: Command): readonly Option[] => of.createHelp().visibleOptions(of)
const flags = ({ long, short }: Option): string[] => [short, long].filter((flag) => flag !== undefined)
const takesValue = ({ optional, required }: Option): boolean => required || optional
const choices = ({ argChoices }: Option): readonly string[] => argChoices ?? []
const argumentChoices = (of: Command): readonly string[] =>
  of.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
/** Each command with what is typed for it, those of a family behind it. */
const typed = (of: Command, above = ''): { readonly of: Command; readonly words: string }[] =>
  of.commands.flatMap((one) => {
    const words = `${above}${one.name()}`
    return [{ of: one, words }, ...typed(one, `${words} `)]
  })
const takesFiles = (of: Command): boolean =>
  of.registeredArguments.some((argument) => argument.name().includes('file'))

const SCRIPTS: Readonly<Record<Shell, (program: Command) => string>> = { bash, zsh, fish }

// bash -------------------------------------------------------------------------------------------------------------

function bash(program: Command): string {
  const commands = typed(program)
  const all = [{ of: program, words: '' }, ...commands]
  const values = all.flatMap(({ of, words }) =>
    visible(of)
      .filter(takesValue)
      .map((option) => {
        // those of the program stand anywhere
        const when = flags(option).map((flag) => (of === program ? `*" ${flag}"` : `"${words} ${flag}"`))
        const what =
          choices(option).length > 0 ? `-W "${choices(option).join(' ')}"` : isPath(option) ? '-d' : '-W ""'
        return `    ${when.join(' | ')}) COMPREPLY=($(compgen ${what} -- "$cur")); return ;;`
      }),
  )
  const offers = all.map(({ of, words }) => {
    const options = [...visible(of), ...(of === program ? [] : shared(program))].flatMap(flags)
    const first = [...of.commands.map((one) => one.name()), ...argumentChoices(of)]
    return `    "${words}") words="${[...first, ...new Set(options)].join(' ')}" ;;`
  })
  const files = commands.filter(({ of }) => takesFiles(of)).map(({ words }) => `"${words}"`)
  return `# permafrost: completion for bash
_permafrost() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="" word words=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
      ${commands.map(({ words }) => `"${words.includes(' ') ? '' : ' '}${words}"`).join(' | ')}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command $prev" in
${values.join('\n')}
  esac
  case "$command" in
${offers.join('\n')}
  esac
  case "$command" in
    ${files.join(' | ')}) [[ "$cur" == -* ]] || { COMPREPLY=($(compgen -f -- "$cur")); return; } ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _permafrost permafrost`
}

const isPath = ({ long }: Option): boolean => long === '--directory'

// zsh --------------------------------------------------------------------------------------------------------------

function zsh(program: Command): string {
  const { commands } = program
  const spec = (option: Option): string => {
    const names = flags(option)
    const value = !takesValue(option)
      ? ''
      : choices(option).length > 0
        ? `:value:(${choices(option).join(' ')})`
        : `:value:${isPath(option) ? '_files -/' : ' '}`
    const told = `[${zshText(option.description)}]${value}`
    return names.length === 1 ? `'${names[0]}${told}'` : `'(${names.join(' ')})'{${names.join(',')}}'${told}'`
  }
  const specs = (of: Command): string[] => visible(of).map(spec)
  const rest = (of: Command): string[] => {
    if (argumentChoices(of).length > 0) return [`'*:value:(${argumentChoices(of).join(' ')})'`]
    return takesFiles(of) ? ["'*:file:_files'"] : []
  }
  const families = commands.filter((of) => of.commands.length > 0)
  const caseOf = (of: Command): string => {
    const lines = [...specs(of), ...shared(program).map(spec), ...rest(of)]
    const family = `_arguments -C ${lines.join(' ')} '*::argument:_permafrost_${of.name()}'`
    return `        ${of.name()}) ${of.commands.length > 0 ? family : `_arguments ${lines.join(' ')}`} ;;`
  }
  const functions = families.map(
    (of) => `_permafrost_${of.name()}() {
  if (( CURRENT == 1 )); then
    local -a commands=(
${described(of)}
    )
    _describe command commands
  else
      case $words[1] in
${of.commands.map(caseOf).join('\n')}
      esac
  fi
}
`,
  )
  return `#compdef permafrost
${functions.join('')}_permafrost() {
  local state line
  local -a commands=(
${described(program)}
  )
  _arguments -C ${specs(program).join(' ')} '1:command:->command' '*::argument:->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${commands.map(caseOf).join('\n')}
      esac ;;
  esac
}
compdef _permafrost permafrost`
}

const described = (of: Command): string =>
  of.commands.map((one) => `    '${one.name()}:${zshText(one.summary())}'`).join('\n')

const zshText = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&')

// fish -------------------------------------------------------------------------------------------------------------

function fish(program: Command): string {
  const commands = typed(program)
  const line = (when: string, option: Option): string => {
    const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`
    const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`
    const value = !takesValue(option)
      ? ''
      : isPath(option)
        ? " -x -a '(__fish_complete_directories)'"
        : choices(option).length > 0
          ? ` -x -a '${choices(option).join(' ')}'`
          : ' -x'
    return `complete -c permafrost${when}${short}${long}${value} -d '${fishText(option.description)}'`
  }
  return [
    '# permafrost: completion for fish',
    'complete -c permafrost -f',
    ...visible(program).map((option) => line('', option)),
    ...commands.flatMap(({ of, words }) => {
      const [name, family] = words.split(' ').reverse() as [string, string?]
      // what is named alike in a family has other options
      const namesakes = commands.filter((one) => one.words.endsWith(` ${name}`) && family === undefined)
      const others = namesakes.map((one) => `not ${seen(one.words.split(' ')[0]!)}; and `).join('')
      const above = family === undefined ? '' : `${seen(family)}; and `
      const when = ` -n '${above}${others}${seen(name)}'`
      const first = family === undefined ? '__fish_use_subcommand' : `'${seen(family)}'`
      const values = argumentChoices(of)
      return [
        `complete -c permafrost -n ${first} -a ${of.name()} -d '${fishText(of.summary())}'`,
        ...(takesFiles(of) ? [`complete -c permafrost${when} -F`] : []),
        ...(values.length > 0 ? [`complete -c permafrost${when} -a '${values.join(' ')}'`] : []),
        ...visible(of)
          .filter(({ long }) => long !== '--help')
          .map((option) => line(when, option)),
      ]
    }),
  ].join('\n')
}

const seen = (name: string): string => `__fish_seen_subcommand_from ${name}`

const fishText = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
