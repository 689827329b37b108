#include "cli/sink/batch_file.hpp"

#include "cli/sink/leftover.hpp"
#include "sink_fixture.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

using Names = std::vector<std::string>;
constexpr auto first = "{\"agent_id\":\"a\",\"api_key\":\"1\"}\n{\"agent_id\":\"b\",\"api_key\":\"2\"}\n";
constexpr auto second = "{\"agent_id\":\"c\",\"api_key\":\"3\"}\n{\"agent_id\":\"d\",\"api_key\":\"4\"}\n";

Settled settle(TemporaryFolder const &folder, Verdict verdict) {
    return settle_in(
        *open_folder(folder.path()), "keys",
        [&](std::string_view, std::optional<std::string> const &) { return verdict; }, Unfinished::batch);
}

void put_private(TemporaryFolder const &folder, std::string const &content) {
    write_file(folder / "keys", content);
    REQUIRE(::chmod((folder / "keys").c_str(), 0600) == 0);
}

}  // namespace

TEST_CASE("batches are appended one after the other, and nothing else is left") {
    TemporaryFolder const folder;
    BatchFile file(open_folder(folder.path()), "keys");
    CHECK_FALSE(file.check());
    for (std::string_view const content : {first, second}) {
        file.write(content);
        CHECK(read_file(folder / "keys.batch") == content);
        file.finish(content);
    }
    CHECK(read_file(folder / "keys") == std::string(first) + second);
    CHECK(folder.names() == Names{"keys"});
    CHECK(file.check());
}

TEST_CASE("a batch that was rolled back leaves what was there") {
    TemporaryFolder const folder;
    put_private(folder, first);
    BatchFile file(open_folder(folder.path()), "keys");
    file.write(second);
    file.undo();
    CHECK(read_file(folder / "keys") == first);
    CHECK(folder.names() == Names{"keys"});
}

TEST_CASE("killed anywhere in the middle of the append, the rest is appended, and nothing twice") {
    std::string const whole = std::string(first) + second;
    for (std::size_t written = 0; written <= std::string_view(second).size(); ++written) {
        TemporaryFolder const folder;
        {
            BatchFile file(open_folder(folder.path()), "keys");
            file.write(second);
        }  // killed: its lock is gone
        put_private(folder, std::string(first) + std::string(second).substr(0, written));
        CHECK(settle(folder, Verdict::done) == Settled::finished);
        CHECK(read_file(folder / "keys") == whole);
        CHECK(folder.names() == Names{"keys"});
        CHECK(settle(folder, Verdict::done) == Settled::nothing);
    }
}

TEST_CASE("a batch whose transaction was never committed is removed, and the file stays") {
    TemporaryFolder const folder;
    put_private(folder, first);
    { BatchFile(open_folder(folder.path()), "keys").write(second); }
    CHECK(settle(folder, Verdict::aborted) == Settled::removed);
    CHECK(read_file(folder / "keys") == first);
    CHECK(folder.names() == Names{"keys"});
}

TEST_CASE("two runs never write to one file at the same time, and a running batch is not settled") {
    TemporaryFolder const folder;
    BatchFile one(open_folder(folder.path()), "keys");
    BatchFile other(open_folder(folder.path()), "keys");
    one.write(first);
    CHECK_THROWS_AS(other.write(second), Error);
    CHECK_THROWS_AS(settle(folder, Verdict::aborted), Error);
    one.finish(first);
    CHECK(read_file(folder / "keys") == first);
}

TEST_CASE("a file that is not a private file of keys is not continued") {
    TemporaryFolder const folder;
    BatchFile const file(open_folder(folder.path()), "keys");
    put_private(folder, "precious");
    CHECK_THROWS_AS(file.check(), Error);
    put_private(folder, first);
    REQUIRE(::chmod((folder / "keys").c_str(), 0640) == 0);
    CHECK_THROWS_AS(file.check(), Error);
    REQUIRE(::unlink((folder / "keys").c_str()) == 0);
    REQUIRE(::symlink("elsewhere", (folder / "keys").c_str()) == 0);
    CHECK_THROWS_AS(file.check(), Error);
}
