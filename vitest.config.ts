import { defineConfig } from 'vitest/config'

// Files run in worker processes, two at a time: the machine that CI uses has two cores, and many suites start real servers.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
