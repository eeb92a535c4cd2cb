/** Where VS Code begins. */
import * as vscode from 'vscode'
import { start } from './extension.js'

export const activate = (context: vscode.ExtensionContext): void => start(vscode, context)
