// Builds dashboards/dist. The base is relative: index.html names its own place in <base href>, so that a service under a
// path only has to write that path there.
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { gatherOperations } from './gather-operations.ts';

const operations = await gatherOperations();

export default defineConfig({
  base: './',
  plugins: [react(), leaveOutFonts(), writeOperations()],
  define: { OPERATION_HASHES: JSON.stringify(Object.fromEntries(operations.map(({ name, hash }) => [name, hash]))) },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // A data: URL would break the content security policy `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

/** GraphiQL brings 400 kB of fonts as data: URLs, which the content security policy refuses; the system's own are as good. */
function leaveOutFonts(): Plugin {
  return {
    name: 'leave-out-fonts',
    enforce: 'pre',
    transform: (code, id) =>
      id.endsWith('graphiql/dist/style.css') ? code.replaceAll(/@font-face\s*{[^}]*}/g, '') : null,
  };
}

/** The texts by their hashes, for the service. */
function writeOperations(): Plugin {
  return {
    name: 'write-operations',
    generateBundle() {
      const source = JSON.stringify(Object.fromEntries(operations.map(({ hash, text }) => [hash, text])), null, 1);
      this.emitFile({ type: 'asset', fileName: 'operations.json', source });
    },
  };
}
