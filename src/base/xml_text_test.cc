#include "src/base/xml_text.h"

#include <gtest/gtest.h>

namespace credence {
namespace {

TEST(XmlText, EverythingThatAReaderWouldChangeIsAReference) {
  EXPECT_EQ(EscapedXml("a < b && c > \"d\"\r\n\te"),
            "a &lt; b &amp;&amp; c &gt; &quot;d&quot;&#13;&#10;&#9;e");
  EXPECT_EQ(EscapedXml("信用 'x'"), "信用 'x'");
  EXPECT_EQ(EscapedXml(""), "");
}

}  // namespace
}  // namespace credence
