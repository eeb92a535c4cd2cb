/** The folder in gradbook's cache for the Python that tests use. */
export const testEnvironment = 'tests'

/** Front ends and reference programs that the tests hold the kernel against, pinned. */
export const testPackages = [
  'jupyterlab==4.6.6',
  'jupyterlab_widgets==3.0.17',
  'notebook==7.6.5',
  'nbclient==0.11.0',
  'nbconvert==7.17.2',
  'jupyter_kernel_test==0.7.0',
  'jupytext==1.19.6',
  'papermill==2.7.0',
  'onnxruntime==1.23.2',
  'pyarrow==26.0.1',
  'optuna==5.0.0',
  'cmaes==0.13.1',
  'safetensors==0.8.0',
  'tensorboard==2.21.0',
  'ray==2.60.0',
  'ipykernel==7.4.0; python_version >= "3.11"',
  'ipykernel==6.31.0; python_version < "3.11"',
]
