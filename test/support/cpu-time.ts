/** CPU time of this thread, for tests of what must not take long: neighbours on a busy machine stretch wall time, but not that. */

export function withCpuMs<A>(run: () => A): { readonly result: A; readonly cpuMs: number } {
  const before = process.threadCpuUsage()
  const result = run()
  const { user, system } = process.threadCpuUsage(before)
  return { result, cpuMs: (user + system) / 1000 }
}
