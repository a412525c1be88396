import com.gs.dmn.DMNModelRepository;
import com.gs.dmn.ast.TDecision;
import com.gs.dmn.ast.TDefinitions;
import com.gs.dmn.dialect.JavaTimeDMNDialectDefinition;
import com.gs.dmn.log.NopBuildLogger;
import com.gs.dmn.runtime.Context;
import com.gs.dmn.runtime.interpreter.DMNInterpreter;
import com.gs.dmn.runtime.interpreter.EvaluationContext;
import com.gs.dmn.runtime.interpreter.Result;
import com.gs.dmn.transformation.InputParameters;
import com.gs.dmn.transformation.ToQuotedNameTransformer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** jDMN: its interpreter (it can also write Java sources of a model, which need a compiler; that is not measured). */
public final class JdmnEngine implements Engine {
  private DMNInterpreter<?, ?, ?, ?, ?> interpreter;
  private String namespace;
  private final List<TDecision> decisions = new ArrayList<>();

  @Override
  public void load(Path dmn, List<String> names, String feel) {
    JavaTimeDMNDialectDefinition dialect = new JavaTimeDMNDialectDefinition();
    InputParameters parameters = new InputParameters();
    TDefinitions definitions = dialect.createDMNSerializer(new NopBuildLogger(), parameters).readModel(dmn.toFile());
    DMNModelRepository repository = new DMNModelRepository(definitions);
    // What its own runs of the TCK do, so that names with spaces and dashes are found.
    new ToQuotedNameTransformer().transform(repository);
    interpreter = dialect.createDMNInterpreter(repository, parameters);
    namespace = definitions.getNamespace();
    for (String name : names) {
      for (TDecision decision : repository.findDecisions(definitions)) {
        if (decision.getName().equals(name)) decisions.add(decision);
      }
    }
  }

  private static Object convert(Object value) {
    if (!(value instanceof Map)) return value;
    Context context = new Context();
    ((Map<?, ?>) value).forEach((name, member) -> context.put(name, convert(member)));
    return context;
  }

  @Override
  public Object input(Map<String, Object> json) {
    Map<String, Object> values = new LinkedHashMap<>();
    json.forEach((name, value) -> values.put(name, convert(value)));
    return values;
  }

  @Override
  public Object[] evaluate(Object input, boolean explain) {
    @SuppressWarnings("unchecked")
    Map<String, Object> values = (Map<String, Object>) input;
    Object[] answers = new Object[decisions.size()];
    for (int i = 0; i < answers.length; ++i) {
      TDecision decision = decisions.get(i);
      answers[i] = Result.value(interpreter.evaluateDecision(namespace, decision.getName(),
          EvaluationContext.makeDecisionEvaluationContext(decision, new LinkedHashMap<>(values))));
    }
    return answers;
  }

  @Override
  public boolean explains() {
    return false;
  }

  @Override
  public Object plain(Object value) {
    return value instanceof Context ? ((Context) value).getBindings() : value;
  }
}
