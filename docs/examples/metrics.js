/**
 * What source files consist of: functions, how long and how complex they are, and words.
 * Plain functions that know nothing of caching.
 */
import ts from 'typescript'

/** What has a body of its own, and in declarations what will have one. */
const FUNCTIONS = kinds(`FunctionDeclaration FunctionExpression ArrowFunction
  Constructor MethodDeclaration MethodSignature GetAccessor SetAccessor`)

/** Where the way through the code splits in two. Operators are nodes of their own in the tree. */
const DECISIONS = kinds(`IfStatement ConditionalExpression CaseClause CatchClause
  ForStatement ForInStatement ForOfStatement WhileStatement DoStatement
  AmpersandAmpersandToken BarBarToken QuestionQuestionToken
  AmpersandAmpersandEqualsToken BarBarEqualsToken QuestionQuestionEqualsToken`)

/** Ranges of complexity and where they end. */
const RANGES = { 1: 1, '2–4': 4, '5–9': 9, '10–19': 19, '20–49': 49, '50+': Number.POSITIVE_INFINITY }

/**
 * Walks the syntax tree of a file once. The cyclomatic complexity of a function is one, and one more for each decision
 * in it but not in a function inside it (McCabe 1976). A file's is the sum over its functions and its top level.
 */
export function measure(path, text) {
  const tree = parse(path, text)
  const functions = []
  const words = new Map()
  const topLevel = { complexity: 1 }

  function visit(node, around) {
    if (ts.isIdentifier(node)) words.set(node.text, (words.get(node.text) ?? 0) + 1)
    if (DECISIONS.has(node.kind)) around.complexity++
    let inside = around
    if (FUNCTIONS.has(node.kind)) {
      inside = { name: nameOf(node), path, ...placeOf(node, tree), complexity: 1 }
      functions.push(inside)
    }
    ts.forEachChild(node, (child) => visit(child, inside))
  }
  visit(tree, topLevel)

  const complexity = sum([topLevel, ...functions], (fn) => fn.complexity)
  return { path, lines: text.trimEnd().split('\n').length, complexity, functions, words }
}

/** Parents are set, since a function may be named by what it is assigned to. Comments are not parsed. */
function parse(path, text) {
  const options = { languageVersion: ts.ScriptTarget.Latest, jsDocParsingMode: ts.JSDocParsingMode.ParseNone }
  return ts.createSourceFile(path, text, options, true)
}

function nameOf(node) {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const named = ts.isPropertyDeclaration(node.parent) ? node.parent : node
  return ts.getNameOfDeclaration(named)?.getText() ?? '(anonymous)'
}

function placeOf(node, tree) {
  const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line
  const last = tree.getLineAndCharacterOfPosition(node.end).line
  return { line: first + 1, lines: last - first + 1 }
}

/** The metrics of many files, added up. */
export function addUp(metrics) {
  const functions = metrics.flatMap((file) => file.functions)
  const uses = new Map()
  for (const file of metrics) {
    for (const [word, count] of file.words) uses.set(word, (uses.get(word) ?? 0) + count)
  }
  const words = Array.from(uses, ([label, count]) => ({ label, count }))
  return {
    files: metrics.map(summaryOf),
    longest: top(functions, 8, (fn) => fn.lines),
    spread: spreadOf(functions.map((fn) => fn.complexity)),
    words: top(words, 8, (word) => word.count),
  }
}

function summaryOf({ path, lines, complexity, functions }) {
  const mean = sum(functions, (fn) => fn.complexity) / Math.max(1, functions.length)
  return {
    path,
    lines,
    complexity,
    functions: functions.length,
    mean,
    longest: top(functions, 1, (fn) => fn.lines),
  }
}

/** How many of the complexities fall into each range. */
function spreadOf(complexities) {
  const ends = Object.values(RANGES)
  const ranges = complexities.map((complexity) => ends.findIndex((end) => complexity <= end))
  return Object.keys(RANGES).map((label, i) => ({
    label,
    count: ranges.filter((range) => range === i).length,
  }))
}

/** The items of which `size` is largest, largest first. */
export function top(items, most, size) {
  return [...items].sort((a, b) => size(b) - size(a)).slice(0, most)
}

function sum(items, size) {
  return items.reduce((total, item) => total + size(item), 0)
}

function kinds(names) {
  return new Set(names.split(/\s+/).map((name) => ts.SyntaxKind[name]))
}
