/**
 * The order in which nodes can be filled: an instance of a registered class is made from its finished state, so all
 * that its state reaches is filled before. Everything else is made empty first and may be in a cycle.
 */

/**
 * The nodes, by what each mentions, in an order that puts what is reached before what reaches it, cycles aside: the
 * strongly connected components in reverse topological order (Tarjan 1972), with a stack of its own because values may
 * be deep. `cyclic` is a class instance whose state reaches the instance itself, which therefore cannot be made.
 */
export function fillingOrder(
  mentions: readonly (readonly number[])[],
  isInstance: (node: number) => boolean,
): {
  readonly order: readonly number[]
  readonly cyclic: number | undefined
} {
  const order: number[] = []
  let cyclic: number | undefined
  const index = new Int32Array(mentions.length).fill(-1)
  const low = new Int32Array(mentions.length)
  const isOpen = new Uint8Array(mentions.length)
  const open: number[] = []
  let counter = 0
  const calls: { readonly node: number; readonly targets: readonly number[]; next: number }[] = []
  const enter = (node: number) => {
    index[node] = low[node] = counter++
    isOpen[node] = 1
    open.push(node)
    calls.push({ node, targets: mentions[node]!, next: 0 })
  }
  for (let start = 0; start < mentions.length; start++) {
    if (index[start] !== -1) continue
    enter(start)
    while (calls.length > 0) {
      const call = calls.at(-1)!
      const { node } = call
      const target = call.targets[call.next++]
      if (target !== undefined) {
        if (target === node && isInstance(node)) cyclic ??= node
        if (index[target] === -1) enter(target)
        else if (isOpen[target]) low[node] = Math.min(low[node]!, index[target]!)
        continue
      }
      calls.pop()
      const caller = calls.at(-1)?.node
      if (caller !== undefined) low[caller] = Math.min(low[caller]!, low[node]!)
      if (low[node] !== index[node]) continue
      const component = open.splice(open.lastIndexOf(node))
      for (const member of component) {
        isOpen[member] = 0
        order.push(member)
        if (component.length > 1 && isInstance(member)) cyclic ??= member
      }
    }
  }
  return { order, cyclic }
}
