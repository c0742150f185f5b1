/** What a store can that lacks nothing, said once more: tests do not ask the code what it promises. */
export const capable = {
  conditionalCreate: true,
  compareAndSwap: true,
  conditionalDelete: true,
  ranges: true,
  listing: true,
  serverClock: true,
}
