/**
 * A syntax tree as canonical bytes, to be hashed.
 *
 * Promises: trees that differ in anything but positions and spelling never share bytes (every value is tagged, every
 * variable length is written), and spelling does not count: comments, white space, parentheses, quotes, escapes,
 * number formats, quoted keys, trailing commas, stray semicolons, the place of 'use strict' among directives.
 * Must not know scopes or values. Uses its own stack: a chain of thousands of operators is no overflow.
 */
import { type Node, typeOf } from './tree.ts'

const FALSE = 0
const TRUE = 1
/** A missing child: no initialiser, no label, a hole in an array. */
const NONE = 2
const STRING = 3
const NUMBER = 4
const BIGINT = 5
const REGEXP = 6
const LIST = 7
const NULL = 8
const STRICT = 9
/** An assignment to a parenthesised name, `(f) = () => 1`, which unlike `f = () => 1` gives the function no name. */
const NAMELESS = 10
/** Node types follow. */
const NODE = 16

/** Something to be written: a tree value, or a list made here that stands for one. */
type Item = Node | readonly Item[] | string | number | bigint | boolean | null | undefined

export function syntaxBytes(root: Node): Uint8Array {
  const out = writer()
  const stack: Item[] = [root]
  while (stack.length > 0) {
    const item = stack.pop()
    if (typeof item === 'string') out.string(STRING, item)
    else if (typeof item === 'number') out.number(item)
    else if (typeof item === 'bigint') out.string(BIGINT, String(item))
    else if (typeof item === 'boolean') out.byte(item ? TRUE : FALSE)
    else if (item === null || item === undefined) out.byte(NONE)
    else if (Array.isArray(item)) {
      out.byte(LIST)
      out.length(item.length)
      pushReversed(stack, item)
    } else writeNode(out, stack, item as Node)
  }
  return out.bytes()
}

function writeNode(out: Writer, stack: Item[], node: Node): void {
  const { tag, fields } = typeOf(node)
  switch (node.type) {
    case 'Literal':
      writeLiteral(out, node)
      return
    case 'TemplateElement':
      // the cooked string is missing for escapes that only a tag may see; the raw one is visible to tags
      out.byte(NODE + tag)
      stack.push(node.value.raw, node.value.cooked)
      return
    case 'BlockStatement':
    case 'StaticBlock':
      out.byte(NODE + tag)
      if (node.body.some(isUseStrict)) out.byte(STRICT)
      stack.push(node.body.filter(hasEffect))
      return
    case 'SwitchCase':
      out.byte(NODE + tag)
      stack.push(node.consequent.filter(hasEffect), node.test)
      return
    case 'AssignmentExpression':
    case 'AssignmentPattern':
      if (isNameless(node)) out.byte(NAMELESS)
      break
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      out.byte(NODE + tag)
      for (let index = fields.length - 1; index > 0; index--) stack.push(node[fields[index] as string])
      // `{a: 1}`, `{'a': 1}` and `{1: x}`, `{'1': x}` name the same property; `#a` stays a node of its own
      stack.push(node.computed || node.key.type === 'PrivateIdentifier' ? node.key : plainKey(node.key))
      return
  }
  out.byte(NODE + tag)
  for (let index = fields.length - 1; index >= 0; index--) stack.push(node[fields[index] as string])
}

function writeLiteral(out: Writer, { value, regex, bigint }: Node): void {
  if (regex) {
    out.string(REGEXP, regex.pattern)
    out.string(STRING, [...regex.flags].sort().join(''))
  } else if (bigint !== undefined && bigint !== null) out.string(BIGINT, String(value))
  else if (value === null) out.byte(NULL)
  else if (typeof value === 'string') out.string(STRING, value)
  else if (typeof value === 'number') out.number(value)
  else out.byte(value ? TRUE : FALSE)
}

function plainKey(key: Node): string {
  return String(key.type === 'Identifier' ? key.name : key.value)
}

function isUseStrict(statement: Node): boolean {
  return statement.directive === 'use strict'
}

/** Neither a stray semicolon nor the directive that is already noted for the whole body. */
function hasEffect(statement: Node): boolean {
  return statement.type !== 'EmptyStatement' && !isUseStrict(statement)
}

function isNameless({ start, left, right }: Node): boolean {
  const anonymous = /^(?:Function|Class|ArrowFunction)Expression$/.test(right.type) && !right.id
  return anonymous && left.type === 'Identifier' && left.start !== start
}

function pushReversed(stack: Item[], items: readonly Item[]): void {
  for (let index = items.length - 1; index >= 0; index--) stack.push(items[index])
}

interface Writer {
  byte(value: number): void
  length(value: number): void
  number(value: number): void
  string(tag: number, value: string): void
  bytes(): Uint8Array
}

function writer(): Writer {
  let buffer = Buffer.allocUnsafe(4096)
  let size = 0
  const reserve = (more: number): void => {
    if (size + more <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, size + more))
    buffer.copy(larger, 0, 0, size)
    buffer = larger
  }
  return {
    byte(value) {
      reserve(1)
      buffer[size++] = value
    },
    length(value) {
      reserve(4)
      size = buffer.writeUInt32LE(value, size)
    },
    number(value) {
      reserve(9)
      buffer[size] = NUMBER
      size = buffer.writeDoubleLE(value, size + 1)
    },
    string(tag, value) {
      reserve(5 + 2 * value.length)
      buffer[size] = tag
      size = buffer.writeUInt32LE(value.length, size + 1)
      // code units, so that lone surrogates stay apart
      size += buffer.write(value, size, 'utf16le')
    },
    bytes: () => new Uint8Array(buffer.subarray(0, size)),
  }
}
