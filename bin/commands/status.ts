/** `skald status`: the node's `/status`, as indented text or as it came. */
import { parseArgs } from 'node:util'
import { type Command, EXIT_OK } from '../command.ts'
import { TARGET_OPTIONS, getJson, targetFrom } from '../http-client.ts'
import { renderRecord } from '../render-record.ts'

export const status: Command = {
  usage: `usage: skald status [--url URL] [--json]

  --url URL   node to ask (default SKALD_URL, or http://127.0.0.1:3100)
  --json      print the JSON as it came`,

  async run(args, io) {
    const { values } = parseArgs({ args: [...args], options: { ...TARGET_OPTIONS, json: { type: 'boolean' } } })
    const answer = await getJson(targetFrom(values, io.environment), '/status')
    io.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : renderRecord(answer, io.stdout.columns))
    return EXIT_OK
  },
}
