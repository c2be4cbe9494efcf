/** Jest transform: the very type stripping that Node applies when it runs the sources, so tests run the same text. */
import { stripTypeScriptTypes } from 'node:module';

export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
