import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.kie.dmn.api.core.DMNContext;
import org.kie.dmn.api.core.DMNModel;
import org.kie.dmn.api.core.DMNResult;
import org.kie.dmn.api.core.DMNRuntime;
import org.kie.dmn.api.core.event.AfterEvaluateDecisionTableEvent;
import org.kie.dmn.api.core.event.DMNRuntimeEventListener;
import org.kie.dmn.core.internal.utils.DMNRuntimeBuilder;
import org.kie.internal.io.ResourceFactory;

/** Drools (Apache KIE): its runtime in the default configuration; explain = a listener that keeps the rules that matched. */
public final class DroolsEngine implements Engine {
  private DMNRuntime runtime;
  private DMNModel model;
  private String[] decisions;
  private final List<Object> matched = new ArrayList<>();
  private final DMNRuntimeEventListener listener = new DMNRuntimeEventListener() {
    @Override
    public void afterEvaluateDecisionTable(AfterEvaluateDecisionTableEvent event) {
      matched.add(event.getMatches());
      matched.add(event.getSelected());
    }
  };
  private boolean listening;

  @Override
  public void load(Path dmn, List<String> names, String feel) throws Exception {
    decisions = names.toArray(new String[0]);
    runtime = DMNRuntimeBuilder.fromDefaults()
        .buildConfiguration()
        .fromResources(List.of(ResourceFactory.newReaderResource(new StringReader(Files.readString(dmn)))))
        .getOrElseThrow(RuntimeException::new);
    model = runtime.getModels().get(0);
    if (model.hasErrors()) throw new IllegalStateException(model.getMessages().get(0).getText());
  }

  @Override
  public Object[] evaluate(Object input, boolean explain) {
    if (explain != listening) {
      if (explain) runtime.addListener(listener);
      else runtime.removeListener(listener);
      listening = explain;
    }
    matched.clear();
    @SuppressWarnings("unchecked")
    Map<String, Object> values = (Map<String, Object>) input;
    DMNContext context = runtime.newContext();
    values.forEach(context::set);
    DMNResult result = decisions.length == 1
        ? runtime.evaluateDecisionByName(model, decisions[0], context)
        : runtime.evaluateByName(model, context, decisions);
    Object[] answers = new Object[decisions.length];
    for (int i = 0; i < answers.length; ++i) answers[i] = result.getDecisionResultByName(decisions[i]).getResult();
    return answers;
  }

  @Override
  public boolean explains() {
    return true;
  }
}
