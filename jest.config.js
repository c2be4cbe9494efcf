export default {
  testEnvironment: './test/patient-environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': './test/strip-types.js' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  setupFilesAfterEnv: ['<rootDir>/test/once-more.ts'],
  testSequencer: './test/long-first.js',
  globalSetup: './test/start-server.ts',
  globalTeardown: './test/stop-server.ts',
  // Many tests wait for the server, a browser or a clock: two files at a time on two cores.
  maxWorkers: 2,
};
