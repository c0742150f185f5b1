/**
 * Long tables are read a page at a time, each beginning where the last one ended: so memory holds one page, and others may
 * write in between.
 */
import { unsound } from './failure.ts'

/** What SQL orders rows by. */
type Place = number | Buffer

const isBehind = (place: Place, from: Place): boolean =>
  typeof place === 'number' ? place > (from as number) : Buffer.compare(place, from as Buffer) > 0

/**
 * All rows behind `start`. Throws a `StoreError` where they are out of order: a damaged tree can lead in a circle.
 * @param page gives the first rows behind a place
 * @param placeOf the place of a row: what `page` orders by
 */
export function* paged<Row, At extends Place>(
  start: At,
  page: (from: At) => readonly Row[],
  placeOf: (row: Row) => At,
  direction: 'up' | 'down' = 'up',
): Generator<Row> {
  for (let from = start; ; ) {
    const rows = page(from)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    const place = placeOf(last)
    if (!(direction === 'up' ? isBehind(place, from) : isBehind(from, place)))
      throw unsound('rows are out of order')
    from = place
  }
}
