/**
 * Where TensorFlow.js stands between two cells: what a cell whose JavaScript was ended has left open goes back to there. Cells
 * may use a tfjs that nothing of gradbook has touched.
 */
import { markEngine } from '../../src/backend/tfjs/unwind.js'

let goBack = (): void => {}

/** To be called where no cell's code is on the stack: scopes that are open now were opened to stay. */
export function restTensors(): void {
  goBack = markEngine()
}

/** JavaScript was ended in the middle: what has been opened since is nobody's any more. */
export function settleTensors(): void {
  goBack()
}
