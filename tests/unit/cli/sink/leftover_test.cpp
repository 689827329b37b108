#include "cli/sink/leftover.hpp"

#include "cli/sink/file_sink.hpp"
#include "cli/sink/made_for.hpp"
#include "relay/crypto/random_ids.hpp"
#include "sink_fixture.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/xattr.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

using Names = std::vector<std::string>;
constexpr std::string_view content = "relay_sk_left_behind";

Settled settle(TemporaryFolder const &folder, Judge const &judge) {
    return settle_in(*open_folder(folder.path()), "out", judge);
}

/// Like a run that dies after deliver(): no code of it runs any more, and its lock is gone.
void killed_after_delivery(TemporaryFolder const &folder, bool replace) {
    SecretFile file(open_folder(folder.path()), "out", replace);
    file.write(SecretBuffer::copy_of(content));
}

}  // namespace

TEST_CASE("if nothing was left, nothing is asked and nothing done") {
    TemporaryFolder const folder;
    write_file(folder / "out", "old");
    CHECK(settle(folder, never_asked) == Settled::nothing);
    CHECK(read_file(folder / "out") == "old");
}

TEST_CASE("a new file, killed between delivery and commit, is settled by the verdict") {
    TemporaryFolder const folder;
    killed_after_delivery(folder, false);
    CHECK(folder.names() == Names{"out", "out.new"});
    SUBCASE("done") {
        CHECK(settle(folder, says(Verdict::done)) == Settled::finished);
        CHECK(folder.names() == Names{"out"});
        CHECK(read_file(folder / "out") == content);
    }
    SUBCASE("aborted") {
        CHECK(settle(folder, says(Verdict::aborted)) == Settled::removed);
        CHECK(folder.names().empty());
    }
}

TEST_CASE("a replacement, killed between delivery and rename, is settled by the verdict") {
    TemporaryFolder const folder;
    write_file(folder / "out", "old");
    killed_after_delivery(folder, true);
    SUBCASE("done") {
        CHECK(settle(folder, says(Verdict::done)) == Settled::finished);
        CHECK(read_file(folder / "out") == content);
    }
    SUBCASE("aborted") {
        CHECK(settle(folder, says(Verdict::aborted)) == Settled::removed);
        CHECK(read_file(folder / "out") == "old");
    }
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("killed before the link: FILE.new alone") {
    TemporaryFolder const folder;
    write_file(folder / "out.new", content);
    SUBCASE("done") {
        CHECK(settle(folder, says(Verdict::done)) == Settled::finished);
        CHECK(folder.names() == Names{"out"});
    }
    SUBCASE("aborted") {
        CHECK(settle(folder, says(Verdict::aborted)) == Settled::removed);
        CHECK(folder.names().empty());
    }
}

TEST_CASE("the judge learns for which database the file was made, and does not touch a file of another one") {
    TemporaryFolder const folder;
    Issued const issued;
    Talk talk;
    {
        FileSink sink(folder / "out", true, {.format = SecretFormat::raw}, talk.output);
        NewKey const key{.org = issued.org, .agent = &issued.agent, .key = issued.key};
        sink.prepare(key);
        sink.made_for("0123abcd");
        sink.deliver();
        sink.left_unknown();
    }
    std::optional<std::string> told;
    Judge const elsewhere = [&](std::string_view, std::optional<std::string> const &made_for) {
        told = made_for;
        return Verdict::elsewhere;
    };
    Error const error = error_of(ErrorKind::sink, [&] { settle(folder, elsewhere); });
    CHECK(told == "0123abcd");
    CHECK(contains(error.message(), "out.new of an earlier run belongs to another database"));
    CHECK(folder.names() == Names{"out.new"});
    CHECK(settle(folder, says(Verdict::done)) == Settled::finished);
    FileDescriptor const finished(::open((folder / "out").c_str(), O_RDONLY | O_CLOEXEC));
    CHECK_FALSE(made_for(finished.get()));
}

TEST_CASE("a file that names no database, or nonsense, is settled as before") {
    TemporaryFolder const folder;
    std::optional<std::string> told = "not asked";
    Judge const judge = [&](std::string_view, std::optional<std::string> const &made_for) {
        told = made_for;
        return Verdict::aborted;
    };
    write_file(folder / "out.new", content);
    CHECK(settle(folder, judge) == Settled::removed);
    CHECK_FALSE(told);
    for (std::string const nonsense : {"", "0123ABCD", "0123abc", "0123abcd0"}) {
        write_file(folder / "out.new", content);
        ::setxattr((folder / "out.new").c_str(), "user.relay_admin.database", nonsense.data(), nonsense.size(), 0);
        told = "not asked";
        CHECK(settle(folder, judge) == Settled::removed);
        CHECK_FALSE(told);
    }
}

TEST_CASE("the judge sees the whole content") {
    TemporaryFolder const folder;
    write_file(folder / "out.new", content);
    std::string seen;
    settle(folder, [&](std::string_view text, std::optional<std::string> const &) {
        seen = text;
        return Verdict::aborted;
    });
    CHECK(seen == content);
}

TEST_CASE("a judge that does not know leaves everything as it is, even the lock") {
    TemporaryFolder const folder;
    killed_after_delivery(folder, false);
    auto const cannot_tell = [](std::string_view, std::optional<std::string> const &) -> Verdict {
        throw Error(ErrorKind::unknown, "still in flight");
    };
    error_of(ErrorKind::unknown, [&] { settle(folder, cannot_tell); });
    CHECK(folder.names() == Names{"out", "out.new"});
    CHECK(settle(folder, says(Verdict::done)) == Settled::finished);
}

TEST_CASE("killed before the first byte: removed without asking") {
    TemporaryFolder const folder;
    SUBCASE("with its mode set") { write_file(folder / "out.new", ""); }
    SUBCASE("under umask 0777, before its mode was set") { write_file(folder / "out.new", "", 0000); }
    CHECK(settle(folder, never_asked) == Settled::removed);
    CHECK(folder.names().empty());
}

TEST_CASE("a rollback that died half-way removes FILE first, so that the rest is settled as any other") {
    TemporaryFolder const folder;
    killed_after_delivery(folder, false);
    std::filesystem::remove(folder / "out");
    CHECK(settle(folder, says(Verdict::aborted)) == Settled::removed);
    CHECK(folder.names().empty());
}

TEST_CASE("an aborted FILE.new does not remove a FILE of another run") {
    TemporaryFolder const folder;
    write_file(folder / "out", "somebody else's");
    write_file(folder / "out.new", content);
    CHECK(settle(folder, says(Verdict::aborted)) == Settled::removed);
    CHECK(read_file(folder / "out") == "somebody else's");
}

TEST_CASE("files that this program did not make are not touched") {
    TemporaryFolder const folder;
    SUBCASE("other content") { write_file(folder / "out.new", "my notes"); }
    SUBCASE("another secret") { write_file(folder / "out.new", "hunter2"); }
    SUBCASE("not private") { write_file(folder / "out.new", content, 0644); }
    SUBCASE("symbolic link") {
        write_file(folder / "target", content);
        std::filesystem::create_symlink("target", folder / "out.new");
    }
    SUBCASE("FIFO, without waiting for its writer") { REQUIRE(::mkfifo((folder / "out.new").c_str(), 0600) == 0); }
    SUBCASE("directory") { std::filesystem::create_directory(folder / "out.new"); }
    SUBCASE("larger than any of ours") {
        write_file(folder / "out.new", content);
        std::filesystem::resize_file(folder / "out.new", 65U * 1024 * 1024);
    }
    auto const before = folder.names();
    auto const error = error_of(ErrorKind::sink, [&] { settle(folder, never_asked); });
    CHECK(contains(error.message(), "was not made by this program; nothing was changed"));
    CHECK(folder.names() == before);
}

TEST_CASE("a run that is at work is not settled by another") {
    TemporaryFolder const folder;
    SecretFile file(open_folder(folder.path()), "out", false);
    file.write(SecretBuffer::copy_of(content));
    auto const error = error_of(ErrorKind::sink, [&] { settle(folder, never_asked); });
    CHECK(contains(error.message(), "out.new is in use by another run"));
    file.finish();
    CHECK(settle(folder, never_asked) == Settled::nothing);
}

TEST_CASE("a live key that cannot be moved into place is kept and named") {
    TemporaryFolder const folder;
    write_file(folder / "out.new", content);
    std::filesystem::create_directory(folder / "out");
    auto const error = error_of(ErrorKind::sink, [&] { settle(folder, says(Verdict::done)); });
    CHECK(contains(error.message(), "contains a live key"));
    CHECK(read_file(folder / "out.new") == content);
}

TEST_CASE("a folder is settled file by file, and one that fails does not stop the others") {
    TemporaryFolder const folder;
    write_file(folder / "a.key.new", "relay_sk_a");
    write_file(folder / "b.key.new", "not ours");
    write_file(folder / "c.key.new", "relay_sk_c");
    write_file(folder / "d.key", "relay_sk_d");
    auto const entries = settle_folder(folder.path(), [](std::string_view text, std::optional<std::string> const &) {
        return text == "relay_sk_a" ? Verdict::done : Verdict::aborted;
    });
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].settled == Settled::finished);
    CHECK(entries[0].path == folder / "a.key.new");
    CHECK(entries[1].error.has_value());
    CHECK(entries[2].settled == Settled::removed);
    CHECK(folder.names() == Names{"a.key", "b.key.new", "d.key"});
}

TEST_CASE("what was settled is reported on stderr, without the key") {
    TemporaryFolder const folder;
    write_file(folder / "out.new", content);
    std::string heard;
    {
        Talk talk;
        CHECK(settle_leftover(folder / "out", says(Verdict::done), talk.output));
        CHECK_FALSE(settle_leftover(folder / "out", never_asked, talk.output));
        heard = talk.heard();
    }
    CHECK(heard ==
          folder / "out.new" + " was left by an earlier run: its key is live and is now in " + folder / "out" + "\n");
}

TEST_CASE("the operation id of a file sink is that of the bytes that a later run finds") {
    TemporaryFolder const folder;
    Issued const issued;
    std::optional<OperationId> named;
    {
        Talk talk;
        FileSink sink(folder / "out", false, {.format = SecretFormat::env}, talk.output);
        named = sink.prepare(issued.for_agent());
        sink.deliver();
    }
    settle(folder, [&](std::string_view text, std::optional<std::string> const &) {
        CHECK(*named == operation_id_for(text));
        return Verdict::done;
    });
    CHECK(contains(read_file(folder / "out"), issued.text()));
}
