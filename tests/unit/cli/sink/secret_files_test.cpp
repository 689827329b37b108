#include "cli/sink/secret_files.hpp"

#include "sink_fixture.hpp"

#include <sys/file.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

std::string name_of(std::size_t number) { return "agent-" + std::to_string(1000 + number) + ".key"; }

std::vector<NamedSecret> secrets(std::size_t count) {
    std::vector<NamedSecret> made;
    for (std::size_t i = 0; i < count; ++i) {
        made.push_back({name_of(i), SecretBuffer::copy_of("relay_sk_" + std::to_string(i))});
    }
    return made;
}

std::size_t unfinished(TemporaryFolder const &folder) {
    auto const names = folder.names();
    return static_cast<std::size_t>(
        std::count_if(names.begin(), names.end(), [](auto const &name) { return name.ends_with(".new"); }));
}

}  // namespace

TEST_CASE("few and many secrets are complete under both names before the commit, and under their final ones after it") {
    for (std::size_t const count : {1u, 2u, 15u, 16u, 200u}) {
        TemporaryFolder const folder;
        SecretFiles files(open_folder(folder.path()), false);
        files.write(secrets(count), "");
        CHECK(folder.names().size() == 2 * count);
        CHECK_FALSE(files.finish());
        CHECK(folder.names().size() == count);
        CHECK(unfinished(folder) == 0);
        for (std::size_t i = 0; i < count; ++i) {
            REQUIRE(read_file(folder / name_of(i)) == "relay_sk_" + std::to_string(i));
            REQUIRE(mode_of(folder / name_of(i)) == 0600);
        }
    }
}

TEST_CASE("one secret that is refused takes all the others back") {
    TemporaryFolder const folder;
    SecretFiles files(open_folder(folder.path()), false);
    write_file(folder / name_of(19), "in the way");
    CHECK_THROWS_AS(files.write(secrets(20), ""), Error);
    CHECK(folder.names() == std::vector<std::string>{name_of(19)});
    CHECK(read_file(folder / name_of(19)) == "in the way");
}

TEST_CASE("a rollback leaves no trace of many secrets, an unknown verdict keeps them all") {
    TemporaryFolder const folder;
    SecretFiles files(open_folder(folder.path()), false);
    files.write(secrets(20), "");
    SUBCASE("rolled back") {
        files.undo();
        CHECK(folder.names().empty());
    }
    SUBCASE("unknown") {
        files.keep();
        CHECK(folder.names().size() == 40);
    }
    CHECK_FALSE(files.finish());  // a second verdict does nothing
}

TEST_CASE("replacements are put in place although one of them cannot be") {
    TemporaryFolder const folder;
    SecretFiles files(open_folder(folder.path()), true);
    write_file(folder / name_of(3), "old");
    files.write(secrets(20), "");
    CHECK(read_file(folder / name_of(3)) == "old");
    std::filesystem::remove(folder / name_of(3));
    std::filesystem::create_directory(folder / name_of(3));
    CHECK_THROWS_AS(files.finish(), Error);
    CHECK(read_file(folder / (name_of(3) + ".new")) == "relay_sk_3");
    CHECK(read_file(folder / name_of(19)) == "relay_sk_19");
    CHECK(unfinished(folder) == 1);
}

TEST_CASE("the files of a batch are locked until the verdict") {
    TemporaryFolder const folder;
    SecretFiles files(open_folder(folder.path()), false);
    files.write(secrets(20), "");
    auto const is_locked = [&] {
        FileDescriptor const fd(::open((folder / (name_of(7) + ".new")).c_str(), O_RDWR | O_CLOEXEC));
        return ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
    };
    CHECK(is_locked());
    files.keep();
    CHECK_FALSE(is_locked());
}
