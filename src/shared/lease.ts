export interface Rights {
  acquire(key: string, signal?: AbortSignal): Promise<Acquired>
  releaseAll(): Promise<void>
}
export type Acquired =
  | { readonly kind: 'held'; readonly right: Right }
  | { readonly kind: 'taken'; readonly by: string; readonly retryAfter: number }
  | { readonly kind: 'none'; readonly why: string }
export interface Right {
  readonly token: number
  isCertain(): boolean
  release(): Promise<void>
}
