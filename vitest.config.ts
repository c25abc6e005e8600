import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/fast-check-setup.ts'],
    testTimeout: process.env['KERNELTWIN_RUNS'] === undefined ? 30_000 : 0,
    hookTimeout: 30_000,
    pool: 'threads',
    coverage: { include: ['sim/**/*.ts'], exclude: ['**/generated/**'] },
  },
});

export default config;
