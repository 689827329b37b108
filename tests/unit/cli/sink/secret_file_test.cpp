#include "cli/sink/secret_file.hpp"

#include "sink_fixture.hpp"
#include "tests/unit/advice_words.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

SecretBuffer secret(std::string_view text = "relay_sk_content") { return SecretBuffer::copy_of(text); }

SecretFile new_file(TemporaryFolder const &folder, std::string const &name = "out") {
    return {open_folder(folder.path()), name, false};
}

SecretFile replacement(TemporaryFolder const &folder, std::string const &name = "out") {
    return {open_folder(folder.path()), name, true};
}

using Names = std::vector<std::string>;

/// 64 KiB of tmpfs over a folder.
class SmallDisk {
  public:
    explicit SmallDisk(std::string path) : m_path(std::move(path)) {
        is_mounted = ::geteuid() == 0 && ::mount("tmpfs", m_path.c_str(), "tmpfs", 0, "size=64k") == 0;
    }
    ~SmallDisk() {
        if (is_mounted) {
            ::umount2(m_path.c_str(), MNT_DETACH);
        }
    }
    SmallDisk(SmallDisk const &) = delete;
    SmallDisk &operator=(SmallDisk const &) = delete;
    bool is_mounted = false;

  private:
    std::string m_path;
};

}  // namespace

TEST_CASE("a new file is complete under both names before the commit, and only under its final name after it") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    CHECK(folder.names() == Names{"out", "out.new"});
    CHECK(std::filesystem::hard_link_count(folder / "out") == 2);
    CHECK(read_file(folder / "out") == "relay_sk_content");
    CHECK_FALSE(file.finish());
    CHECK(folder.names() == Names{"out"});
    CHECK(read_file(folder / "out") == "relay_sk_content");
    CHECK(mode_of(folder / "out") == 0600);
}

TEST_CASE("a rollback leaves no trace of a new file") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    file.undo();
    CHECK(folder.names().empty());
    file.undo();  // a second time does nothing
    CHECK_FALSE(file.finish());
}

TEST_CASE("a replacement keeps the old content until the commit") {
    TemporaryFolder const folder;
    write_file(folder / "out", "old");
    auto file = replacement(folder);
    file.write(secret());
    CHECK(read_file(folder / "out") == "old");
    CHECK(read_file(folder / "out.new") == "relay_sk_content");
    SUBCASE("committed") {
        file.finish();
        CHECK(read_file(folder / "out") == "relay_sk_content");
    }
    SUBCASE("rolled back") {
        file.undo();
        CHECK(read_file(folder / "out") == "old");
    }
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("a replacement of nothing makes the file") {
    TemporaryFolder const folder;
    auto file = replacement(folder);
    file.write(secret());
    CHECK(folder.names() == Names{"out.new"});
    file.finish();
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("an unknown outcome keeps everything") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    file.keep();
    CHECK(folder.names() == Names{"out", "out.new"});
}

TEST_CASE("the mode is 0600 whatever the umask") {
    for (mode_t const mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
        TemporaryFolder const folder;
        UmaskGuard const guard(mask);
        auto file = new_file(folder);
        file.write(secret());
        CHECK(mode_of(folder / "out.new") == 0600);
        file.finish();
        CHECK(mode_of(folder / "out") == 0600);
    }
}

TEST_CASE("a file that is not a regular file is refused by name, with or without --replace") {
    TemporaryFolder const folder;
    std::string what;
    SUBCASE("symbolic link") {
        write_file(folder / "target", "victim");
        std::filesystem::create_symlink("target", folder / "out");
        what = "a symbolic link";
    }
    SUBCASE("dangling symbolic link") {
        std::filesystem::create_symlink("nowhere", folder / "out");
        what = "a symbolic link";
    }
    SUBCASE("FIFO") {
        REQUIRE(::mkfifo((folder / "out").c_str(), 0600) == 0);
        what = "a FIFO";
    }
    SUBCASE("directory") {
        std::filesystem::create_directory(folder / "out");
        what = "a directory";
    }
    auto const before = folder.names();
    for (auto const replace : {false, true}) {
        SecretFile file(open_folder(folder.path()), "out", replace);
        CHECK(contains(error_of(ErrorKind::sink, [&] { file.check(); }).message(), "is " + what));
        error_of(ErrorKind::sink, [&] { file.write(secret()); });
        CHECK(folder.names() == before);
    }
}

TEST_CASE("an existing file is refused, and stays as it is") {
    TemporaryFolder const folder;
    write_file(folder / "out", "precious", 0644);
    auto file = new_file(folder);
    auto const error = error_of(ErrorKind::sink, [&] { file.check(); });
    CHECK(error.message() == folder / "out" + " exists; nothing was changed");
    CHECK(contains(words_of(error.hint().next), "--replace"));
    error_of(ErrorKind::sink, [&] { file.write(secret()); });
    CHECK(read_file(folder / "out") == "precious");
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("a file that comes up between the check and the link is not overwritten") {
    TemporaryFolder const folder;
    // Two runs, the second of which had looked before the first had linked.
    auto first = new_file(folder);
    auto second = new_file(folder);
    second.check();
    first.write(secret("relay_sk_first"));
    error_of(ErrorKind::sink, [&] { second.write(secret("relay_sk_second")); });
    CHECK(read_file(folder / "out") == "relay_sk_first");
    first.finish();
    error_of(ErrorKind::sink, [&] { second.write(secret("relay_sk_second")); });
    CHECK(read_file(folder / "out") == "relay_sk_first");
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("an unfinished file in the way names the command that settles it") {
    TemporaryFolder const folder;
    write_file(folder / "out.new", "relay_sk_other");
    auto file = new_file(folder);
    auto const error = error_of(ErrorKind::sink, [&] { file.write(secret()); });
    CHECK(contains(words_of(error.hint().next), "recover --dir " + folder.path()));
    CHECK(read_file(folder / "out.new") == "relay_sk_other");
}

TEST_CASE("a rollback removes nothing that another process put in the place of our file") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    std::filesystem::remove(folder / "out");
    write_file(folder / "out", "somebody else's");
    file.undo();
    CHECK(folder.names() == Names{"out"});
    CHECK(read_file(folder / "out") == "somebody else's");
}

TEST_CASE("a file that its reader moved away before the commit is made once more") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    std::filesystem::rename(folder / "out", folder / "taken");
    file.finish();
    CHECK(read_file(folder / "out") == "relay_sk_content");
    CHECK(folder.names() == Names{"out", "taken"});
}

TEST_CASE("a name that was taken by another before the commit leaves the live key in FILE.new and says so") {
    TemporaryFolder const folder;
    auto file = new_file(folder);
    file.write(secret());
    std::filesystem::remove(folder / "out");
    write_file(folder / "out", "somebody else's");
    auto const error = error_of(ErrorKind::unknown, [&] { file.finish(); });
    CHECK(error.hint().changed == Changed::yes);
    CHECK(contains(error.hint().why, folder / "out.new"));
    CHECK(read_file(folder / "out.new") == "relay_sk_content");
    CHECK(read_file(folder / "out") == "somebody else's");
    file.undo();  // whatever a caller does afterwards, a live key is not removed
    CHECK(read_file(folder / "out.new") == "relay_sk_content");
}

TEST_CASE("a rename that fails after the commit leaves the live key in FILE.new and says so") {
    TemporaryFolder const folder;
    auto file = replacement(folder);
    file.write(secret());
    std::filesystem::create_directory(folder / "out");
    auto const error = error_of(ErrorKind::unknown, [&] { file.finish(); });
    CHECK(error.hint().changed == Changed::yes);
    CHECK(contains(words_of(error.hint().next), "mv "));
    CHECK(read_file(folder / "out.new") == "relay_sk_content");
}

TEST_CASE("a FILE.new that was taken away before the rename is written once more from memory") {
    TemporaryFolder const folder;
    write_file(folder / "out", "old");
    auto file = replacement(folder);
    file.write(secret());
    std::filesystem::remove(folder / "out.new");
    file.finish();
    CHECK(read_file(folder / "out") == "relay_sk_content");
}

TEST_CASE("a FILE.new that was exchanged is never renamed into place") {
    TemporaryFolder const folder;
    write_file(folder / "out", "old");
    auto file = replacement(folder);
    file.write(secret());
    std::filesystem::remove(folder / "out.new");
    write_file(folder / "out.new", "forged");
    auto const error = error_of(ErrorKind::unknown, [&] { file.finish(); });
    CHECK(error.hint().changed == Changed::yes);
    CHECK(read_file(folder / "out") == "old");
    CHECK(read_file(folder / "out.new") == "forged");
}

TEST_CASE("a hard link at FILE keeps its other names' content") {
    TemporaryFolder const folder;
    write_file(folder / "precious", "keep");
    std::filesystem::create_hard_link(folder / "precious", folder / "out");
    auto file = replacement(folder);
    file.write(secret());
    file.finish();
    CHECK(read_file(folder / "precious") == "keep");
    CHECK(read_file(folder / "out") == "relay_sk_content");
}

TEST_CASE("a file size limit or a full disk leaves nothing behind") {
    TemporaryFolder const folder;
    auto const child = ::fork();
    if (child == 0) {
        // In a separate process: the limit would hold for every later test.
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit const limit{.rlim_cur = 10, .rlim_max = 10};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        int status = 1;
        try {
            new_file(folder).write(secret());
        } catch (Error const &error) {
            status = error.kind() == ErrorKind::sink && contains(error.message(), "File too large; nothing was changed")
                         ? 0
                         : 2;
        }
        ::_exit(status);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(folder.names().empty());
}

TEST_CASE("a full tmpfs leaves nothing behind, and the old file works on") {
    TemporaryFolder const folder;
    SmallDisk const disk(folder.path());
    if (!disk.is_mounted) {
        MESSAGE("not allowed to mount: the file size limit takes the place of a full disk");
        return;
    }
    write_file(folder / "out", "old");
    FileDescriptor filler(::open((folder / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    std::array<char, 4096> block{};
    while (::write(filler.get(), block.data(), block.size()) > 0) {}
    auto file = replacement(folder);
    auto const error = error_of(ErrorKind::sink, [&] { file.write(secret()); });
    CHECK(contains(error.message(), "No space left on device; nothing was changed"));
    CHECK(folder.names() == Names{"filler", "out"});
    CHECK(read_file(folder / "out") == "old");
}

TEST_CASE("a file of another user is not replaced") {
    if (::geteuid() != 0) {
        return;  // only root can make one
    }
    TemporaryFolder const folder;
    write_file(folder / "out", "theirs");
    REQUIRE(::chown((folder / "out").c_str(), 12345, 12345) == 0);
    auto file = replacement(folder);
    CHECK(contains(error_of(ErrorKind::sink, [&] { file.write(secret()); }).message(), "another user (uid 12345)"));
    CHECK(folder.names() == Names{"out"});
}
