import { defineConfig } from 'vitest/config'

// Files run in worker processes, two at a time: the machine that CI uses has two cores, and many suites start real servers.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Waiting for a condition ends as soon as it holds; these only end what hangs, on a machine that is busy with other work too.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
})
