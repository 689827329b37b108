#include "cli/sink/seal_key.hpp"

#include "sink_fixture.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {
constexpr auto public_key = "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvvcCU=";  // the example in GitHub's documentation
}

TEST_CASE("a sealing key is read as the GitHub API gives it, from a file or from stdin") {
    TemporaryFolder const folder;
    write_file(folder / "pk.json",
               std::string(R"({"key_id":"568250167242549743","key":")") + public_key + R"(","url":null})");
    CHECK(read_seal_key(folder / "pk.json").key_id == "568250167242549743");
    FileDescriptor const file(::open((folder / "pk.json").c_str(), O_RDONLY | O_CLOEXEC));
    Redirect const redirect(STDIN_FILENO, file.get());
    CHECK(read_seal_key("-").key_id == "568250167242549743");
}

TEST_CASE("a sealing key that cannot be used is a usage error that names the file and the fault") {
    TemporaryFolder const folder;
    auto const fault_of = [&](std::string const &text) {
        write_file(folder / "pk.json", text);
        auto const error = error_of(ErrorKind::usage, [&] { read_seal_key(folder / "pk.json"); });
        CHECK(contains(error.message(), folder / "pk.json"));
        return error.message();
    };
    CHECK(contains(fault_of(""), "not a JSON object"));
    CHECK(contains(fault_of("[1]"), "not a JSON object"));
    CHECK(contains(fault_of(R"({"key":"x"})"), "\"key_id\""));
    CHECK(contains(fault_of(R"({"key_id":1,"key":"x"})"), "\"key_id\""));
    CHECK(contains(fault_of(R"({"key_id":"a\"b","key":"x"})"), "letters"));
    CHECK(contains(fault_of(R"({"key_id":"1"})"), "\"key\""));
    CHECK(contains(fault_of(R"({"key_id":"1","key":"AAAA"})"), "32"));
    CHECK(contains(fault_of(std::string(100'000, ' ')), "64 KiB"));
    error_of(ErrorKind::usage, [&] { read_seal_key(folder / "missing"); });
    error_of(ErrorKind::usage, [&] { read_seal_key(folder.path()); });
}
