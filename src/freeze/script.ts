/**
 * Facts about a whole script or module, from its source as V8 holds it: what may be written again, where imported
 * and exported names lead, what its functions are called.
 *
 * Promises: a source that cannot be read gives facts that claim nothing: all is reassigned, nothing is imported,
 * nothing has a name. Must not know files or values: specifiers are given as written.
 */
import { type Names, namesOf } from './names.ts'
import { parseProgram } from './parse.ts'
import type { Node } from './tree.ts'
import { boundNames, type IsReassigned, writesOf } from './writes.ts'

export interface ImportOrigin {
  readonly specifier: string
  /** The exporter's name for it, `'default'`, or `'*'` for the namespace. */
  readonly imported: string
}

export type ExportOrigin =
  /** `'*default*'`, as in the language's specification, for a default export without a name. */
  { readonly local: string } | ImportOrigin

export interface ScriptFacts {
  /** May some code of the script write a variable of this name after its first value? See writes.ts for the limits. */
  readonly isReassigned: IsReassigned
  /** Local name to where it comes from. */
  readonly imports: ReadonlyMap<string, ImportOrigin>
  /** Exported name to local name, or to what it re-exports. A local name may itself be imported. */
  readonly exports: ReadonlyMap<string, ExportOrigin>
  /** Specifiers of `export * from`. */
  readonly starExports: readonly string[]
  /** The best name for the function that V8 says is at this place, counted from 0. */
  readonly nameAt: Names['nameAt']
  /** Names that are hidden from V8's scopes there; see names.ts. */
  readonly functionNamesAround: Names['functionNamesAround']
}

export function scriptFacts(source: string): ScriptFacts {
  const parsed = parseProgram(source)
  if (parsed === undefined) return UNKNOWN
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
    isReassigned: writesOf(parsed),
    imports,
    exports,
    starExports,
    ...namesOf(parsed.program, source),
  }
}

const UNKNOWN: ScriptFacts = {
  isReassigned: () => true,
  imports: new Map(),
  exports: new Map(),
  starExports: [],
  nameAt: () => undefined,
  functionNamesAround: () => [],
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
