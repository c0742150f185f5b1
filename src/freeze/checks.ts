/**
 * Whether something that comes from outside has a certain form: small questions, and questions made of them.
 */

export type Check = (value: unknown) => boolean

export const isText: Check = (value) => typeof value === 'string'
export const isFlag: Check = (value) => typeof value === 'boolean'
export const isOffset: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
/** 32 hex digits. */
export const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)

export const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)

export const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value))

/** Missing, or as told. */
export const maybe = (check: Check): Check => either((value) => value === undefined, check)

export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)

/** An array of so many, each as told. */
export const row =
  (...checks: readonly Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === checks.length && checks.every((check, at) => check(value[at]))

/** An object with these members, each as told. */
export function having<T>(members: { readonly [Name in keyof T]-?: Check }): Check {
  const checks = Object.entries<Check>(members)
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    checks.every(([name, check]) => check((value as Record<string, unknown>)[name]))
}
