/**
 * Facts about a whole script or module, from its source as V8 holds it: what may be written again, where imported
 * and exported names lead, what its functions are called.
 *
 * Promises: a source that cannot be read gives facts that claim nothing: all is reassigned, nothing is imported,
 * nothing has a name. Must not know files or values: specifiers are given as written.
 */
import { either, having, isOffset, isText, listOf, oneOf, row } from './checks.ts'
import { type Declared, declaredIn } from './declared.ts'
import type { Start } from './inspect.ts'
import { type Reading, readOnce } from './kept.ts'
import { linesOf, type Names, namesOf } from './names.ts'
import { parseProgram } from './parse.ts'
import type { Node } from './tree.ts'
import { boundNames, type Written, writesOf } from './writes.ts'

export interface ImportOrigin {
  readonly specifier: string
  /** The exporter's name for it, `'default'`, or `'*'` for the namespace. */
  readonly imported: string
}

export type ExportOrigin =
  /** `'*default*'`, as in the language's specification, for a default export without a name. */
  { readonly local: string } | ImportOrigin

/** What a script says, as plain data that survives JSON. */
export interface ScriptData extends Names {
  /** Names that some code of the script may write after their first value; see writes.ts for the limits. */
  readonly written: Written
  readonly imports: readonly (readonly [local: string, origin: ImportOrigin])[]
  readonly exports: readonly (readonly [exported: string, origin: ExportOrigin])[]
  readonly starExports: readonly string[]
  readonly declared: readonly Declared[]
}

/** The same as answers. */
export interface ScriptFacts {
  /** May some code of the script write a variable of this name after its first value? */
  readonly isReassigned: (name: string) => boolean
  /** Local name to where it comes from. */
  readonly imports: ReadonlyMap<string, ImportOrigin>
  /** Exported name to local name, or to what it re-exports. A local name may itself be imported. */
  readonly exports: ReadonlyMap<string, ExportOrigin>
  /** Specifiers of `export * from`. */
  readonly starExports: readonly string[]
  /** The best name for the function that V8 says is at this place, counted from 0. */
  readonly nameAt: (line: number, column: number) => string | undefined
  /** Names of the function expressions around a place, which are hidden from V8's scopes; see names.ts. */
  readonly functionNamesAround: (line: number, column: number) => readonly string[]
  /** The function that a variable at the top level is declared to be; see declared.ts. */
  readonly declaredAs: (name: string) => DeclaredFunction | undefined
}

/** Where V8 says it is, counted from 0, and its text. */
export interface DeclaredFunction {
  readonly line: number
  readonly column: number
  readonly text: string
}

/** @param start what V8 counts the first line and its first character as */
export function scriptFacts(source: string, start: Start = BEGINNING): ScriptFacts {
  const data = readOnce(source, SCRIPT)
  return data === undefined ? UNKNOWN : answersOf(data, source, start)
}

const BEGINNING: Start = { line: 0, column: 0 }

/** Answers out of what was read from that source. */
export function answersOf(data: ScriptData, source: string, start: Start = BEGINNING): ScriptFacts {
  const { expressions, named, starExports, written } = data
  const names = new Set(written === 'all' ? [] : written)
  let known: Known | undefined
  const look = (): Known => {
    known ??= {
      lines: linesOf(source),
      named: new Map(named),
      declared: new Map(data.declared.map((one) => [one[0], one])),
    }
    return known
  }
  /** In the source. */
  const offsetOf = (line: number, column: number): number =>
    (look().lines[line - start.line] ?? Number.NaN) + column - (line === start.line ? start.column : 0)
  return {
    isReassigned: written === 'all' ? () => true : (name) => names.has(name),
    imports: new Map(data.imports),
    exports: new Map(data.exports),
    starExports,
    nameAt: (line, column) => {
      const at = offsetOf(line, column)
      return look().named.get(at)
    },
    functionNamesAround: (line, column) => {
      if (expressions.length === 0) return []
      const at = offsetOf(line, column)
      return expressions.filter(([start, end]) => start < at && at < end).map(([, , name]) => name)
    },
    declaredAs: (name) => {
      const { declared, lines } = look()
      const found = declared.get(name)
      if (found === undefined) return undefined
      const [, at, begin, end] = found
      const line = lineOf(lines, at)
      const column = at - lines[line]! + (line === 0 ? start.column : 0)
      return { line: line + start.line, column, text: source.slice(begin, end) }
    },
  }
}

interface Known {
  /** Where each begins. */
  readonly lines: readonly number[]
  readonly named: ReadonlyMap<number, string>
  readonly declared: ReadonlyMap<string, Declared>
}

/** The last of the lines that begin no later than that. */
function lineOf(lines: readonly number[], at: number): number {
  let [first, last] = [0, lines.length - 1]
  while (first < last) {
    const middle = (first + last + 1) >> 1
    if (lines[middle]! <= at) first = middle
    else last = middle - 1
  }
  return first
}

/** Undefined if the source cannot be read for sure. */
export function readScript(source: string): ScriptData | undefined {
  const parsed = parseProgram(source)
  if (parsed === undefined) return undefined
  const imports = new Map<string, ImportOrigin>()
  const exports = new Map<string, ExportOrigin>()
  const starExports: string[] = []
  for (const statement of parsed.program.body as Node[]) {
    switch (statement.type) {
      case 'ImportDeclaration':
        for (const one of statement.specifiers) {
          imports.set(one.local.name, { specifier: statement.source.value, imported: importedName(one) })
        }
        break
      case 'ExportAllDeclaration': {
        const specifier: string = statement.source.value
        if (statement.exported) exports.set(moduleName(statement.exported), { specifier, imported: '*' })
        else starExports.push(specifier)
        break
      }
      case 'ExportDefaultDeclaration':
        exports.set('default', { local: defaultLocal(statement.declaration) })
        break
      case 'ExportNamedDeclaration':
        for (const name of declaredNames(statement.declaration)) exports.set(name, { local: name })
        for (const { local, exported } of statement.specifiers) {
          const name = moduleName(local)
          const origin = statement.source
            ? { specifier: statement.source.value, imported: name }
            : { local: name }
          exports.set(moduleName(exported), origin)
        }
        break
    }
  }
  return {
    written: writesOf(parsed),
    imports: [...imports],
    exports: [...exports],
    starExports,
    ...namesOf(parsed.program, source),
    declared: declaredIn(parsed.program, source),
  }
}

const isImport = having<ImportOrigin>({ specifier: isText, imported: isText })

export const SCRIPT: Reading<ScriptData> = {
  name: 'script',
  read: readScript,
  isSound: having<ScriptData>({
    written: either(oneOf('all'), listOf(isText)),
    imports: listOf(row(isText, isImport)),
    exports: listOf(row(isText, either(having<{ local: string }>({ local: isText }), isImport))),
    starExports: listOf(isText),
    named: listOf(row(isOffset, isText)),
    expressions: listOf(row(isOffset, isOffset, isText)),
    declared: listOf(row(isText, isOffset, isOffset, isOffset)),
  }),
}

const UNKNOWN: ScriptFacts = {
  isReassigned: () => true,
  imports: new Map(),
  exports: new Map(),
  starExports: [],
  nameAt: () => undefined,
  functionNamesAround: () => [],
  declaredAs: () => undefined,
}

function importedName(specifier: Node): string {
  if (specifier.type === 'ImportNamespaceSpecifier') return '*'
  return specifier.type === 'ImportDefaultSpecifier' ? 'default' : moduleName(specifier.imported)
}

/** Names between modules may be spelled as strings: `export { f as 'any text' }`. */
function moduleName(name: Node): string {
  return name.type === 'Literal' ? name.value : name.name
}

function defaultLocal(declaration: Node): string {
  const named = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration'
  return named && declaration.id ? declaration.id.name : '*default*'
}

function declaredNames(declaration: Node | null): string[] {
  if (declaration === null) return []
  if (declaration.type !== 'VariableDeclaration') return [declaration.id.name]
  return (declaration.declarations as Node[]).flatMap(({ id }) => boundNames(id))
}
