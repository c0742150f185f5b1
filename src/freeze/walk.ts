/**
 * One walk over a graph of values: numbers nodes at first mention, queues them, writes primitives, and remembers
 * where each node was met. What a node holds is written by objects.ts and code.ts.
 *
 * Nodes are written in the order of their numbers, each once. So cycles, shared references and any depth need no
 * special case, nothing recurses, and two graphs share bytes only if they are the same graph.
 */
import { types } from 'node:util'
import { FreezeError } from '../errors.ts'
import type { ByteWriter } from './bytes.ts'
import { originalOf } from './marks.ts'
import type { Packages } from './origin.ts'
import { TAG } from './tags.ts'
import type { Trace } from './trace.ts'
import type { Use } from './uses.ts'

/** How to treat what is met. Part of every digest where it changes one. */
export interface WalkOptions {
  /** Whether the order of an object's, Map's or Set's members is part of it. */
  readonly keyOrder: 'respect' | 'ignore'
  /** How code under `node_modules` is identified. */
  readonly packages: Packages
}

/** What a function is as an object, for a cheap look whether that is still so. */
export interface Shape {
  readonly fn: Function
  readonly parent: unknown
  readonly ownKeys: readonly (string | symbol)[]
  readonly prototype: unknown
  readonly prototypeKeys: number
}

/** A property that holds, or whose getter gives, what it did when it was walked. */
export interface Original {
  /** Where it was looked for. */
  readonly holder: object
  readonly key: string
  /** Where, along the prototypes, it was found. */
  readonly owner: object
  readonly definer: unknown
}

/** An input file and what it held. */
export type InputVersion = readonly [path: string, version: unknown]

/** Something the walk cannot see through, found in a function. */
export interface Blindness {
  readonly what: string
  readonly where: string
}

export class Walk {
  readonly options: WalkOptions
  readonly out: ByteWriter
  /** Input files met: identity and version. */
  readonly inputs: InputVersion[] = []
  readonly blind: Blindness[] = []
  /** Names of the environment variables that count by value. */
  readonly environment: string[] = []
  /** What is impure in the functions met. */
  readonly uses: Use[] = []
  /** Versions of the packages whose code was met, by name; undefined if there were none. */
  packages: Map<string, string> | undefined
  /** Whether something was read that can change without a new walk noticing: a mutable object, a variable. */
  volatile = false
  /** Functions met that have nothing as objects but what every function has. */
  readonly plainFunctions: Shape[] = []
  /** Globals, and members of globals, that were found as the language or Node made them. */
  readonly originals: Original[] = []

  /** What else must still be so for the answer to stand. */
  readonly rechecks: (() => boolean)[] = []

  /** Where what is met is told in words, too, if somebody wants to compare two walks. */
  trace: Trace | undefined

  /** WeakMaps and WeakSets met: what they hold is known by asking them for each node of the walk. */
  readonly weak: (WeakMap<object, unknown> | WeakSet<object>)[] = []

  readonly #numbers = new Map<object | symbol, number>()
  readonly #queue: (object | symbol)[] = []
  readonly #parents: number[] = []
  readonly #steps: (string | symbol | number)[] = []
  /** Nodes first met inside a package: there, what cannot be frozen is the package's business. */
  readonly #lenient: boolean[] = []
  /** Nodes met as a property of an object, which is where `super` of a method looks. */
  readonly #members: boolean[] = []
  #current = -1
  #leniently = false
  // These are made when they are needed: most walks are short.
  /** What was not refused inside a package, by number. */
  #forgiven: Map<number, string> | undefined
  /** What each node mentioned leniently: should it turn out to be the user's, so are these. */
  #mentions: Map<number, number[]> | undefined
  #captured: WeakSet<object> | undefined
  /** How many nodes each WeakMap was asked about. */
  #asked: Map<object, number> | undefined
  #buffers: Map<ArrayBufferLike, number> | undefined
  readonly #root: string
  readonly #digestOf: (value: unknown) => string

  /**
   * @param root what paths begin with
   * @param out where to write
   * @param digestOf the digest of a value by itself, for sorting
   */
  constructor(root: string, options: WalkOptions, out: ByteWriter, digestOf: (value: unknown) => string) {
    this.#root = root
    this.options = options
    this.out = out
    this.#digestOf = digestOf
  }

  /** The objects and symbols met, by number. */
  get nodes(): ReadonlyMap<object | symbol, number> {
    return this.#numbers
  }

  /** Write all nodes queued so far and those they mention. */
  drain(write: (walk: Walk, node: object | symbol) => void): void {
    do {
      for (let number = this.#current + 1; number < this.#queue.length; number++) {
        this.#current = number
        this.#leniently = this.#lenient[number]!
        write(this, this.#queue[number]!)
      }
    } while (this.weak.length > 0 && this.#askWeak())
  }

  /** Writes what the WeakMaps hold of the nodes met since the last time; whether that mentioned new nodes. */
  #askWeak(): boolean {
    const { length } = this.#queue
    for (const [index, holder] of this.weak.entries()) {
      this.#asked ??= new Map()
      const from = this.#asked.get(holder) ?? 0
      this.#asked.set(holder, length)
      for (let number = from; number < length; number++) {
        const node = this.#queue[number]!
        for (const [part, key] of partsOf(node)) {
          if (!holder.has(key)) continue
          this.#leniently = false
          this.out.tag(TAG.weak)
          this.out.uint(index)
          this.out.uint(number)
          this.out.string(part)
          this.#current = number
          if (holder instanceof WeakMap) this.value(holder.get(key), '.#')
        }
      }
    }
    this.#current = length - 1
    return this.#queue.length > length
  }

  get lenient(): boolean {
    return this.#leniently
  }

  /** From here to the end of the node, what is mentioned belongs to a package. */
  insidePackage(): void {
    this.#leniently = true
  }

  /** From here to the end of the node, what is mentioned belongs to the user. */
  outsidePackage(): void {
    this.#leniently = false
  }

  get isMember(): boolean {
    return this.#members[this.#current] ?? false
  }

  /** The object that the current node was first met in; undefined for what the walk is about. */
  get holder(): object | symbol | undefined {
    return this.#queue[this.#parents[this.#current] ?? -1]
  }

  /** What the walk is about. It counts as a member, since its surroundings are not known. */
  root(value: unknown): void {
    this.#write(value, '', true)
  }

  /** What stands where the current node does. */
  same(value: unknown): void {
    const at = this.#current
    if (at < 0) return this.root(value)
    // for what `value` leads to, the current node is not there
    this.#current = this.#parents[at]!
    this.#write(value, this.#steps[at]!, this.#members[at]!)
    this.#current = at
  }

  /** The value of a property: made into a step of a path only if a path is asked for. */
  member(value: unknown, key: string | symbol): void {
    this.#write(value, key, true)
  }

  /** Any other value. @param step how to get there: an index, or as it is to stand in a path. */
  value(value: unknown, step: number | string): void {
    this.#write(value, step, false)
  }

  #write(value: unknown, step: string | symbol | number, member: boolean): void {
    const { out } = this
    this.trace?.see(value, () => this.path() + textOf(step, member && this.#current >= 0))
    switch (typeof value) {
      case 'string':
        return out.string(value)
      case 'number':
        return out.number(value)
      case 'boolean':
        return out.tag(value ? TAG.true : TAG.false)
      case 'undefined':
        return out.tag(TAG.undefined)
      case 'bigint':
        out.tag(TAG.bigint)
        return out.string(value.toString(16))
      case 'object':
        if (value === null) return out.tag(TAG.null)
        return this.#reference(originalOf(value), step, member)
      case 'symbol': {
        const key = Symbol.keyFor(value)
        if (key === undefined) return this.#reference(value, step, member)
        out.tag(TAG.registeredSymbol)
        return out.string(key)
      }
      case 'function':
        return this.#reference(originalOf(value), step, member)
    }
  }

  #reference(node: object | symbol, step: string | symbol | number, member: boolean): void {
    let number = this.#numbers.get(node)
    if (number === undefined) {
      number = this.#queue.length
      this.#numbers.set(node, number)
      this.#queue.push(node)
      this.#parents.push(this.#current)
      this.#steps.push(step)
      this.#lenient.push(this.#leniently)
      this.#members.push(member)
    } else {
      const first = number
      this.trace?.note(
        () => this.path() + textOf(step, member),
        () => `is ${this.path(first)}`,
      )
      if (!this.#leniently && this.#lenient[number]) this.#holdStrictly(number)
    }
    if (this.#leniently) {
      this.#mentions ??= new Map()
      const mentioned = this.#mentions.get(this.#current)
      if (mentioned === undefined) this.#mentions.set(this.#current, [number])
      else mentioned.push(number)
    }
    this.out.tag(TAG.reference)
    this.out.uint(number)
  }

  /** A node of a package is met again outside of it: strict wins, for it and for what it holds. */
  #holdStrictly(first: number): void {
    const stack = [first]
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      if (!this.#lenient[number]) continue
      const forgiven = this.#forgiven?.get(number)
      if (forgiven !== undefined) throw new FreezeError(forgiven, this.path())
      this.#lenient[number] = false
      // a package's function stays one: what its closure holds is the package's business
      if (typeof this.#queue[number] !== 'function') stack.push(...(this.#mentions?.get(number) ?? []))
    }
  }

  /** Whether a view's buffer was met before, and which it is: two views on one buffer change together. */
  sharing(buffer: ArrayBufferLike | undefined): void {
    const number = buffer && this.#buffers?.get(buffer)
    if (number !== undefined) {
      this.out.tag(TAG.reference)
      return this.out.uint(number)
    }
    if (buffer !== undefined) {
      this.#buffers ??= new Map()
      this.#buffers.set(buffer, this.#buffers.size)
    }
    this.out.tag(TAG.absent)
  }

  /** Entries of a Map or Set in an order that does not depend on when they were added. */
  sorted(entries: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
    const keyed = entries.map((entry) => ({ entry, digest: entry.map(this.#digestOf).join(' ') }))
    keyed.sort((a, b) => (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0))
    return keyed.map(({ entry }) => entry)
  }

  /** The value of a variable that a function of the user captured. */
  captured(value: unknown, name: string): void {
    if (typeof value === 'object' && value !== null) {
      this.#captured ??= new WeakSet()
      this.#captured.add(value)
    }
    this.#write(value, ` → ${name}`, false)
  }

  isCaptured(object: object): boolean {
    return this.#captured?.has(object) === true
  }

  /** Where the current node was first met: `args[0].opts.stream`. */
  path(of: number = this.#current): string {
    let path = ''
    for (let number = of; number >= 0; number = this.#parents[number]!) {
      path = textOf(this.#steps[number]!, this.#members[number]! && number > 0) + path
    }
    return this.#root + path
  }

  /** Tell the trace, if there is one, what the current node holds beside its members. */
  note(what: string, where?: string): void {
    this.trace?.note(this.path(), what, where)
  }

  /** Code of a package was met. */
  metPackage({ name, version }: { readonly name: string; readonly version: string }): void {
    this.packages ??= new Map()
    const before = this.packages.get(name)
    if (before === undefined) this.packages.set(name, version)
    else if (!before.split(', ').includes(version)) this.packages.set(name, `${before}, ${version}`)
  }

  /** Ends the walk, or inside a package writes only what kind of thing is there. */
  refuse(what: string): void {
    if (!this.#leniently) throw new FreezeError(what, this.path())
    this.#forgiven ??= new Map()
    this.#forgiven.set(this.#current, what)
    this.out.tag(TAG.ignored)
    this.out.string(what)
  }
}

/** A node, and what a function reaches from it without a property that is walked. */
function* partsOf(node: object | symbol): Generator<readonly [part: string, key: object]> {
  yield ['', node as object]
  if (typeof node === 'symbol' || types.isProxy(node)) return
  const prototype = Object.getPrototypeOf(node) as object | null
  if (prototype !== null) yield ['prototype', prototype]
  if (ArrayBuffer.isView(node)) yield ['buffer', node.buffer]
}

const textOf = (step: string | symbol | number, member: boolean): string => {
  if (typeof step === 'number') return `[${step}]`
  return member && !(typeof step === 'string' && step.startsWith(' → ')) ? label(step) : String(step)
}

/** How a property is written in a path. */
export function label(key: string | symbol): string {
  if (typeof key === 'symbol') return `[${String(key)}]`
  if (/^\d+$/.test(key)) return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}
