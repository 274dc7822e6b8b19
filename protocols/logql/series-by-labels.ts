/** Series numbers by the pipeline's label ids: what keeps label sets off the path of a row. Used by the metric scan. */
import type { Pipeline } from './pipeline.ts'
import type { WindowStates } from './window-states.ts'

export class SeriesByLabels {
  private readonly numbers: number[] = []
  private readonly pipeline: Pipeline
  private readonly states: WindowStates

  constructor(pipeline: Pipeline, states: WindowStates) {
    this.pipeline = pipeline
    this.states = states
  }

  of(labelsId: number): number {
    return (this.numbers[labelsId] ??= this.states.series(this.pipeline.labelsOf(labelsId).merged))
  }
}
