package ordermill;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.PreConfiguredTokenizer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * A bare Elasticsearch lacks the module analysis-common; Lucene's own classes are there all the same. This registers
 * those of them that our index definitions use, under the names, settings and defaults of the full server, so that
 * one definition suits both.
 */
public final class AnalysisComponents extends Plugin implements AnalysisPlugin {
    /** Lengths of grams; the full server refuses a span wider than index.max_ngram_diff, and so do we. */
    private record Grams(int min, int max) {
        static Grams of(Settings settings) {
            return new Grams(settings.getAsInt("min_gram", 1), settings.getAsInt("max_gram", 2));
        }

        Grams within(IndexSettings index, String what) {
            int allowed = index.getMaxNgramDiff();
            if (max - min > allowed) {
                throw new IllegalArgumentException("The difference between max_gram and min_gram in " + what
                    + " must be less than or equal to: [" + allowed + "] but was [" + (max - min)
                    + "]. This limit can be set by changing the [index.max_ngram_diff] index level setting.");
            }
            return this;
        }
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "asciifolding", (index, environment, name, settings) -> new Folding(name, settings),
            "edge_ngram", (index, environment, name, settings) -> {
                Grams grams = Grams.of(settings);
                boolean original = settings.getAsBoolean("preserve_original", false);
                return filter(name, in -> new EdgeNGramTokenFilter(in, grams.min, grams.max, original));
            },
            "ngram", (index, environment, name, settings) -> {
                Grams grams = Grams.of(settings).within(index, "NGram Token Filter");
                boolean original = settings.getAsBoolean("preserve_original", false);
                return filter(name, in -> new NGramTokenFilter(in, grams.min, grams.max, original));
            });
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of(
            "edge_ngram", (index, environment, name, settings) -> {
                Grams grams = Grams.of(settings);
                TokenChars chars = TokenChars.of(settings);
                return tokenizer(name, () -> new EdgeNGramTokenizer(grams.min, grams.max) {
                    @Override
                    protected boolean isTokenChar(int c) {
                        return chars.contains(c);
                    }
                });
            },
            "ngram", (index, environment, name, settings) -> {
                Grams grams = Grams.of(settings).within(index, "NGram Tokenizer");
                TokenChars chars = TokenChars.of(settings);
                return tokenizer(name, () -> new NGramTokenizer(grams.min, grams.max) {
                    @Override
                    protected boolean isTokenChar(int c) {
                        return chars.contains(c);
                    }
                });
            });
    }

    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(
            PreConfiguredTokenFilter.singleton("asciifolding", true, ASCIIFoldingFilter::new),
            PreConfiguredTokenFilter.singleton("edge_ngram", false, in -> new EdgeNGramTokenFilter(in, 1)),
            PreConfiguredTokenFilter.singleton("ngram", false, in -> new NGramTokenFilter(in, 1, 2, false)));
    }

    @Override
    public List<PreConfiguredTokenizer> getPreConfiguredTokenizers() {
        return List.of(
            PreConfiguredTokenizer.singleton("edge_ngram", () -> new EdgeNGramTokenizer(1, 2)),
            PreConfiguredTokenizer.singleton("keyword", KeywordTokenizer::new),
            PreConfiguredTokenizer.singleton("ngram", NGramTokenizer::new),
            PreConfiguredTokenizer.singleton("whitespace", WhitespaceTokenizer::new));
    }

    private static TokenFilterFactory filter(String name, UnaryOperator<TokenStream> create) {
        return new AbstractTokenFilterFactory(name) {
            @Override
            public TokenStream create(TokenStream in) {
                return create.apply(in);
            }
        };
    }

    private static TokenizerFactory tokenizer(String name, Supplier<Tokenizer> create) {
        return new AbstractTokenizerFactory(name) {
            @Override
            public Tokenizer create() {
                return create.get();
            }
        };
    }

    /** Folding is a normalising filter: a keyword's normalizer may use it. There it never keeps the original. */
    private static final class Folding extends AbstractTokenFilterFactory implements NormalizingTokenFilterFactory {
        private final boolean original;

        Folding(String name, Settings settings) {
            super(name);
            this.original = settings.getAsBoolean("preserve_original", false);
        }

        @Override
        public TokenStream create(TokenStream in) {
            return new ASCIIFoldingFilter(in, original);
        }

        @Override
        public TokenStream normalize(TokenStream in) {
            return new ASCIIFoldingFilter(in);
        }
    }

    /** The setting token_chars: which classes of characters belong to a token; none named means all of them. */
    private record TokenChars(Set<String> classes, String custom) {
        private static final Set<String> KNOWN =
            Set.of("letter", "digit", "whitespace", "punctuation", "symbol", "custom");

        static TokenChars of(Settings settings) {
            Set<String> classes = Set.copyOf(settings.getAsList("token_chars"));
            for (String name : classes) {
                if (!KNOWN.contains(name)) {
                    throw new IllegalArgumentException("Unknown token type: '" + name + "', must be one of " + KNOWN);
                }
            }
            return new TokenChars(classes, settings.get("custom_token_chars", ""));
        }

        boolean contains(int c) {
            return classes.isEmpty()
                || classes.contains("letter") && Character.isLetter(c)
                || classes.contains("digit") && Character.isDigit(c)
                || classes.contains("whitespace") && Character.isWhitespace(c)
                || classes.contains("punctuation") && isPunctuation(c)
                || classes.contains("symbol") && isSymbol(c)
                || classes.contains("custom") && custom.indexOf(c) >= 0;
        }

        private static boolean isPunctuation(int c) {
            return switch (Character.getType(c)) {
                case Character.START_PUNCTUATION, Character.END_PUNCTUATION, Character.OTHER_PUNCTUATION,
                    Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION -> true;
                default -> false;
            };
        }

        private static boolean isSymbol(int c) {
            return switch (Character.getType(c)) {
                case Character.CURRENCY_SYMBOL, Character.MATH_SYMBOL, Character.OTHER_SYMBOL,
                    Character.MODIFIER_SYMBOL -> true;
                default -> false;
            };
        }
    }
}
