"""URLs of the pages."""

from django.urls import path

from batches.web import batch_views, form_views, history_views, holdout_views, price_views, result_views, verdict_views

app_name = "batches"
urlpatterns = [
    path("", form_views.form, name="form"),
    path("count/", form_views.count, name="count"),
    path("symbols/", form_views.symbols, name="symbols"),
    path("presets/", form_views.presets, name="presets"),
    path("presets/<int:preset_id>/delete/", form_views.delete_preset, name="delete_preset"),
    path("prices/", price_views.instrument_list, name="prices"),
    path("prices/delete/", price_views.delete_instruments, name="delete_instruments"),
    path("prices/groups/", price_views.group, name="group"),
    path("prices/import/", price_views.upload, name="upload"),
    path("prices/import/all/", price_views.price_imports, name="price_imports"),
    path("prices/import/<int:pk>/", price_views.price_import, name="price_import"),
    path("prices/of/<path:symbol>/", price_views.instrument, name="instrument"),
    path("batches/", history_views.batch_list, name="list"),
    path("batches/compare/", history_views.compare, name="compare"),
    path("batches/delete/", history_views.delete, name="delete"),
    path("batches/filters/", history_views.save_filter, name="save_filter"),
    path("batches/filters/<int:preset_id>/delete/", history_views.delete_filter, name="delete_filter"),
    path("batches/<uuid:session_id>/notes/", history_views.notes, name="notes"),
    path("batches/<uuid:session_id>/", batch_views.detail, name="detail"),
    path("batches/<uuid:session_id>/results/<int:index>/", result_views.combination, name="combination"),
    path("batches/<uuid:session_id>/heatmap/", result_views.heatmap, name="heatmap"),
    path("batches/<uuid:session_id>/parallel/", result_views.parallel, name="parallel"),
    path("batches/<uuid:session_id>/spread/", result_views.spread, name="spread"),
    path("batches/<uuid:session_id>/verdict/", verdict_views.verdict, name="verdict"),
    path("batches/<uuid:session_id>/holdout/", holdout_views.holdout, name="holdout"),
    path("batches/<uuid:session_id>/<str:action>", batch_views.act, name="act"),
]
