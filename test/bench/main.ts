/** `npm run bench -- NAME`: runs one benchmark and prints its figures as a table. Without a name: lists them. Figures belong into docs/performance.md. */

type Figures = Record<string, string | number>

const BENCHMARKS: Readonly<Record<string, () => Promise<Figures>>> = {
  ingest: async () => (await import('./ingest.ts')).benchIngest(),
  query: async () => (await import('./query.ts')).benchQuery(),
  'search-cost': async () => (await import('./search-cost.ts')).benchSearchCost(),
  'small-streams': async () => (await import('./small-streams.ts')).benchSmallStreams(),
  'push-decode': async () => (await import('./push-decode.ts')).benchPushDecode(),
  segment: async () => (await import('./segment.ts')).benchSegment(),
  wal: async () => (await import('./wal.ts')).benchWal(),
  actors: async () => (await import('./actors.ts')).benchActors(),
  pipeline: async () => (await import('./pipeline.ts')).benchPipeline(),
  aggregate: async () => (await import('./aggregate.ts')).benchAggregate(),
}

const name = process.argv[2] ?? ''
const run = BENCHMARKS[name]
if (run === undefined) {
  console.log(`usage: npm run bench -- NAME\n  ${Object.keys(BENCHMARKS).join('\n  ')}`)
  process.exitCode = name === '' ? 0 : 2
} else {
  const figures = await run()
  const width = Math.max(...Object.keys(figures).map((key) => key.length))
  for (const [key, value] of Object.entries(figures)) console.log(`${key.padEnd(width)}  ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`)
}
