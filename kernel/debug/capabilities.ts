/** What `initialize` is answered with: what this debugger can do. */
export const capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsSetVariable: true,
  supportsEvaluateForHovers: true,
  supportsExceptionInfoRequest: true,
  supportsModulesRequest: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: [
    {
      filter: 'uncaught',
      label: 'Uncaught exceptions',
      description: 'Stop where an error is thrown that the code of the cells does not catch',
      default: false,
    },
    {
      filter: 'all',
      label: 'All exceptions',
      description: 'Stop wherever an error is thrown',
      default: false,
    },
  ],
}
