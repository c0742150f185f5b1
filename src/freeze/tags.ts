/**
 * The specification of the frozen encoding: one byte says what follows. Everything variable in length carries its
 * length, so no two different values share bytes. Numbers may be added, never reused; any other change of the
 * encoding raises FREEZE_VERSION, which is part of every digest.
 */

export const FREEZE_VERSION = 1

export const TAG = {
  undefined: 1,
  null: 2,
  true: 3,
  false: 4,
  /** 8 bytes, IEEE 754 little-endian; one NaN. */
  number: 5,
  /** length in code units, one byte each (U+0000 to U+00FF). */
  latin1: 6,
  /** length in code units, two bytes each, so lone surrogates stay apart. */
  utf16: 7,
  /** as a string of hex digits with sign. */
  bigint: 8,
  /** number of the node, as given at its first mention. Nodes follow in that order. */
  reference: 9,
  /** a hole in an array. */
  hole: 10,
  /** end of a node's members. */
  end: 11,

  // kinds of node
  object: 20,
  array: 21,
  map: 22,
  set: 23,
  date: 24,
  regexp: 25,
  error: 26,
  boxed: 27,
  arrayBuffer: 28,
  view: 29,
  symbol: 30,
  registeredSymbol: 31,
  namespace: 32,
  url: 33,
  intl: 34,
  state: 35,
  ignored: 36,
  inputFile: 37,
  /** a WeakMap or WeakSet: what it holds of the nodes of the walk is written at the end. */
  weak: 38,
  /** files by patterns. */
  inputFiles: 39,

  // functions
  function: 50,
  boundFunction: 51,
  packageFunction: 52,
  builtinFunction: 53,
  versioned: 54,
  memoized: 55,
  intrinsic: 56,
  builtinModule: 57,
  /** the prototype that a class of a package or of Node gives its instances; the class follows. */
  prototypeOf: 58,

  // what a variable is bound to
  variable: 70,
  path: 71,
  absent: 72,
  global: 73,
  module: 74,

  // members of a node
  prototype: 80,
  property: 81,
  accessor: 82,
  privateMember: 83,
  locked: 84,
} as const
