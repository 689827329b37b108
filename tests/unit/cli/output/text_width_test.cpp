#include "cli/output/text_width.hpp"

#include <doctest/doctest.h>

using namespace relay::cli;

TEST_CASE("display width counts what a terminal shows") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("\u00e9") == 1);
    CHECK(display_width("e\u0301") == 1);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("ﾊﾟ｡") == 3);  // half-width
    CHECK(display_width("ＡＢ") == 4);  // full-width
    CHECK(display_width("\U0001f511") == 2);
    CHECK(display_width("\u1112\u1161\u11ab") == 2);  // one Hangul syllable of three letters
    CHECK(display_width("\u0e01\u0e34") == 1);  // Thai vowel above
    CHECK(display_width("\u05d0\u05b8") == 1);  // Hebrew point
    CHECK(display_width("a\u200b\u2060\ufeffb") == 2);
    CHECK(display_width("a\u00adb") == 3);  // a soft hyphen is shown
    CHECK(display_width("") == 0);
}

TEST_CASE("one emoji takes two columns, however many characters it has") {
    CHECK(display_width("\u2764") == 1);
    CHECK(display_width("\u2764\ufe0f") == 2);  // in emoji style
    CHECK(display_width("1\ufe0f\u20e3") == 2);  // keycap
    CHECK(display_width("a\ufe0f") == 1);  // no emoji
    CHECK(display_width("\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466") == 2);  // family
    CHECK(display_width("\U0001f3f3\ufe0f\u200d\U0001f308") == 2);  // rainbow flag
    CHECK(display_width("\U0001f44d\U0001f3fd") == 2);  // skin tone
    CHECK(display_width("\U0001f468\U0001f3fd\u200d\U0001f680") == 2);
    CHECK(display_width("\U0001f1ef\U0001f1f5") == 2);  // a flag
    CHECK(display_width("\U0001f1ef\U0001f1f5\U0001f1e9\U0001f1ea") == 4);  // two flags
    CHECK(display_width("\U0001f3f4\U000e0067\U000e0062\U000e007f") == 2);  // with tags
    CHECK(display_width("\U0001f3fd") == 2);  // a skin tone alone
    CHECK(display_width("a\u200db") == 2);  // joins emoji only
}

TEST_CASE("malformed bytes do no harm") {
    CHECK(display_width("\xff\xfe") == 2);
    CHECK(display_width("\xe6\x97") == 2);
    CHECK(cut_to_width("\xff\xff\xff", 2) == "\xff\u2026");
}

TEST_CASE("text is cut between characters, and says so") {
    CHECK(cut_to_width("Payment", 7) == "Payment");
    CHECK(cut_to_width("Payment", 6) == "Payme\u2026");
    CHECK(cut_to_width("Pay me", 5) == "Pay\u2026");
    CHECK(cut_to_width("日本語", 6) == "日本語");
    CHECK(cut_to_width("日本語", 5) == "日本\u2026");
    CHECK(cut_to_width("日本語", 4) == "日\u2026");
    CHECK(cut_to_width("e\u0301e\u0301e\u0301", 2) == "e\u0301\u2026");
    CHECK(cut_to_width("\U0001f469\u200d\U0001f467xyz", 3) == "\U0001f469\u200d\U0001f467\u2026");
    CHECK(cut_to_width("abc", 1) == "\u2026");
    CHECK(cut_to_width("abc", 0).empty());
}

TEST_CASE("text is padded by its display width") {
    CHECK(pad_right("日", 4) == "日  ");
    CHECK(pad_left("10", 4) == "  10");
    CHECK(pad_right("long", 2) == "long");
}

TEST_CASE("lines break at blanks; a word that is too wide stays whole if it can be copied") {
    using Lines = std::vector<std::string>;
    CHECK(wrap_lines("one two three", 7) == Lines{"one two", "three"});
    CHECK(wrap_lines("since noon (3 days ago), by ana", 18) == Lines{"since noon", "(3 days ago), by", "ana"});
    CHECK(wrap_lines("a (this one is longer than that) b", 9) ==
          Lines{"a (this", "one is", "longer", "than", "that) b"});
    CHECK(wrap_lines("(open", 9) == Lines{"(open"});
    CHECK(wrap_lines("(\u00e9 of ten and)", 6) == Lines{"(\u00e9 of ", "ten an", "d)"});
    CHECK(wrap_lines("", 7) == Lines{""});
    CHECK(wrap_lines("a very-long-agent-id b", 8) == Lines{"a", "very-long-agent-id", "b"});
    CHECK(wrap_lines("東京トレーディング株式会社", 8) == Lines{"東京トレ", "ーディン", "グ株式会", "社"});
    CHECK(wrap_lines("日", 1) == Lines{"日"});
}

TEST_CASE("words are wrapped at blanks and line ends") {
    CHECK(wrap_words("one two\nthree  four", 11, 2) == "  one two\n  three\n  four\n");
    CHECK(wrap_words("", 10, 2).empty());
    CHECK(wrap_words("averyverylongword x", 5, 0) == "averyverylongword\nx\n");
}
