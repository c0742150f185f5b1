/**
 * Kinds of Temporal, where the runtime has it. All but durations are what their text says.
 */
import { type AnyKind, isBranded, kind, text } from './kind.ts'

interface TextType {
  readonly prototype: object & { toString(): string }
  from(text: string): object
}

interface DurationType {
  readonly prototype: object
  new (...parts: number[]): object
}

const { Temporal } = globalThis as {
  Temporal?: Readonly<Record<string, TextType>> & { readonly Duration: DurationType }
}

const ofText = [
  'Instant',
  'PlainDate',
  'PlainDateTime',
  'PlainMonthDay',
  'PlainTime',
  'PlainYearMonth',
  'ZonedDateTime',
]

/** In the order of the constructor. As text, 1500 milliseconds would be a second and a half. */
const parts = [
  'years',
  'months',
  'weeks',
  'days',
  'hours',
  'minutes',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
]

export const temporal: readonly AnyKind[] =
  Temporal === undefined
    ? []
    : [
        ...ofText.flatMap((name) => {
          const type = Temporal[name]
          return type === undefined ? [] : kindOfText(name, type)
        }),
        kindOfDuration(Temporal.Duration),
      ]

function kindOfText(name: string, type: TextType): AnyKind {
  const { toString: textOf } = type.prototype
  return kind<object>({
    name: `Temporal.${name}`,
    prototype: type.prototype,
    is: (object) => isBranded(() => textOf.call(object)),
    pack: (object) => [textOf.call(object)],
    make: ([stored]) => type.from(text(stored)),
  })
}

function kindOfDuration(Duration: DurationType): AnyKind {
  const getters = parts.map((part) => Object.getOwnPropertyDescriptor(Duration.prototype, part)!.get!)
  return kind<object>({
    name: 'Temporal.Duration',
    prototype: Duration.prototype,
    is: (object) => isBranded(() => getters[0]!.call(object)),
    pack: (object) => getters.map((get) => get.call(object)),
    make: (contents) => new Duration(...(contents as number[])),
  })
}
