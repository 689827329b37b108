// The program makes itself undumpable, so the leak checker, which attaches to its own process at exit, cannot work in it unless
// it runs as root; under strace it cannot work at all. Leaks are looked for in unit_tests and db_tests.

extern "C" char const *__lsan_default_options();

extern "C" char const *__lsan_default_options() { return "detect_leaks=0"; }
